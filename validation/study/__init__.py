"""What accuracy does K-FAC need of its solver? Training on real data through simulated machines."""
