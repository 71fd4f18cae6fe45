// Points as paths of an SVG, in a box of `width` by `height`. Pure.

const digits = (number) => Math.round(number * 10) / 10;

/**
 * Where the curve runs on the first target, where on another one, what is below it, and where the output was off the air.
 * `field` of `groups` (past.js), from `from` to `to` seconds, `top` = the value at the upper edge.
 */
export function curve(groups, field, { from, to, top, width, height }) {
  const x = (t) => digits(((t - from) / (to - from)) * width);
  const y = (value) => digits(height - (Math.min(value, top) / (top || 1)) * height);
  const found = { first: "", other: "", area: "", off: "" };
  let before = null;
  let begun = null;
  const close = () => {
    if (begun !== null && before) found.area += `L${x(before.t)} ${height}L${begun} ${height}Z`;
    begun = null;
  };
  for (const group of groups) {
    const value = group[field];
    const near = before !== null && group.t - before.t <= groups.gap;
    if (group.target === null) {
      if (near) found.off += `M${x(before.t)} ${height}H${x(group.t)}`;
    }
    if (value === null || group.target === null) {
      close();
    } else {
      const here = `${x(group.t)} ${y(value)}`;
      const line = group.target > 0 ? "other" : "first";
      if (near && before[field] !== null && before.target !== null) {
        found[line] += `M${x(before.t)} ${y(before[field])}L${here}`;
        found.area += `L${here}`;
      } else {
        close();
        found.area += `M${x(group.t)} ${height}L${here}`;
        begun = x(group.t);
      }
    }
    before = group;
  }
  close();
  return found;
}

/** A bar for each group in which something was dropped. */
export function bars(groups, field, { from, to, top, width, height }) {
  let found = "";
  for (const group of groups) {
    if (!group[field]) continue;
    const x = digits(((group.t - from) / (to - from)) * width);
    found += `M${x} ${height}V${digits(height - Math.max(0.06, group[field] / (top || 1)) * height)}`;
  }
  return found;
}

/** The next round number that is not below `value`: 1, 2 or 5 and noughts. */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const noughts = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * noughts).find((step) => step >= value * 0.999);
}
