"""What K-FAC costs on digital hardware and on a thermodynamic solver."""
