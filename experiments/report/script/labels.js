// --- the names at the ends of the lines

const GAP = 15; // pixels from one name to the next
const LETTER = 6.7; // the width of a character, about

// Where a value lies in pixels from the top.
function pixel(value, [low, high], height, log) {
  const at = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return height * (1 - at);
}

// Names as near to their lines' ends as they can be without lying on one another: those that would, around their middle.
function apart(labels, height) {
  const blocks = [];
  for (const label of [...labels].sort((a, b) => a.from - b.from)) {
    let block = { members: [label], top: label.from };
    while (blocks.length && blocks.at(-1).top + GAP * blocks.at(-1).members.length > block.top) block = joined(blocks.pop(), block);
    blocks.push(block);
  }
  for (const { members, top } of blocks) members.forEach((label, i) => { label.at = top + GAP * i; });
  return within(labels, height);
}

// Two blocks as one, each name as near to its line as the others let it.
function joined(above, below) {
  const members = [...above.members, ...below.members];
  const tops = members.map((label, i) => label.from - GAP * i);
  return { members, top: tops.reduce((a, b) => a + b) / members.length };
}

function within(labels, height) {
  const sorted = [...labels].sort((a, b) => a.at - b.at);
  sorted.forEach((label, i) => { label.at = Math.max(label.at, GAP * (i + 0.5)); });
  sorted.reverse().forEach((label, i) => { label.at = Math.min(label.at, height - GAP * (i + 0.5)); });
  return labels;
}

// Long names lose their middle: their beginnings and their ends tell them apart.
function cut(name, most) {
  if (name.length <= most) return name;
  const half = (most - 1) / 2;
  return `${name.slice(0, Math.ceil(half))}…${name.slice(name.length - Math.floor(half))}`;
}

// A domain with room beyond the smallest and the largest value.
function domainOf(values, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) if (value !== null && (!log || value > 0)) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low > high) return log ? [0.1, 10] : [0, 1];
  if (log) return [Math.max(low / 1.6, 5e-324), Math.min(high * 1.6, 1e308)];
  const room = 0.04 * (high - low) || Math.abs(high) / 10 || 1;
  return [low - room, high + room];
}
