// How numbers, times and names are written.
'use strict';
(function (Lens) {
  /** Nanoseconds in words, with three digits that matter. */
  Lens.duration = function (ns) {
    if (!Number.isFinite(ns)) return '?';
    const size = Math.abs(ns);
    const [unit, divisor] = size >= 999.5e6 ? ['s', 1e9] : size >= 999500 ? ['ms', 1e6] : size >= 999.5 ? ['µs', 1e3] : ['ns', 1];
    const value = ns / divisor, digits = Math.abs(value);
    if (unit === 'ns') return `${Math.round(value)} ns`;
    return `${value.toFixed(digits >= 100 ? 0 : digits >= 10 ? 1 : 2)} ${unit}`;
  };

  /** A time since the beginning of the recording, exact to `step`. */
  Lens.time = function (ns, step = 1) {
    const size = Math.max(Math.abs(ns), step);
    const [unit, divisor] = size >= 1e9 ? ['s', 1e9] : size >= 1e6 ? ['ms', 1e6] : size >= 1e3 ? ['µs', 1e3] : ['ns', 1];
    const digits = Math.max(0, Math.min(9, Math.ceil(Math.log10(divisor / step) - 1e-9)));
    return `${(ns / divisor).toFixed(divisor === 1 ? 0 : digits)} ${unit}`;
  };

  Lens.count = (number, one, many = `${one}s`) => `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

  // Control characters and those that turn the direction of text would make a name look like another one.
  const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
  /** A name as it is shown: what cannot be seen is written as its number. */
  Lens.visible = (name) => name.replace(HIDDEN, (letter) => {
    const code = letter.charCodeAt(0);
    return code < 32 ? String.fromCharCode(0x2400 + code) : `⟨${code.toString(16).padStart(4, '0')}⟩`;
  });

  /** Makes an element. Texts go in as text, never as markup. */
  Lens.el = function (tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, '');
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
    return element;
  };

  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
