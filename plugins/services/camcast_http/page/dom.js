// Elements, made without markup: whatever a name holds, it is shown as text. What is set to what it is already is left
// alone, so that an update costs what has changed.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `about`: attributes; `class`, `text`, and `on` with listeners are what they say. */
export function el(tag, about = {}, ...children) {
  return filled(document.createElement(tag), about, children);
}

export function svg(tag, about = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), about, children);
}

function filled(node, about, children) {
  for (const [name, value] of Object.entries(about)) {
    if (name === "text") setText(node, value);
    else if (name === "on") for (const [event, heard] of Object.entries(value)) node.addEventListener(event, heard);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** Show this text and nothing else. The node holds at most one text. */
export function setText(node, text) {
  const there = node.firstChild;
  if (there === null) {
    if (text !== "") node.append(document.createTextNode(text));
  } else if (there.data !== text) there.data = text;
}

/** null takes the attribute away. */
export function setAttribute(node, name, value) {
  if (value === null) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

/** Have exactly these children, in this order; those that stand right already are not touched. */
export function setChildren(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  wanted.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}

export const byId = (id) => document.getElementById(id);
