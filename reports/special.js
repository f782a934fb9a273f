"use strict";
// Special functions that JavaScript lacks, as costmodel.formulas.special has them.

/** Lambert's W on its lower branch, for -1/e < argument < 0: Newton's method on w + log(-w) = log(-argument). */
function lambertLower(argument) {
  const target = Math.log(-argument), depth = -1 - target;
  let w = -1 - Math.sqrt(2 * depth) - depth;
  for (let turn = 0; turn < 4; turn++) w -= (w + Math.log(-w) - target) * w / (w + 1);
  return w;
}
