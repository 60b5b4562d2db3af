// All words have to occur in a section, in any order; what has them in its title comes first. A language without spaces
// is searched as well as another, since a word may be any part of a text.
(() => {
  const field = document.getElementById('search'), list = document.getElementById('found');
  const look = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.replaceChildren();
    if (!words.length) return;
    const found = [];
    for (const [at, title, text] of window.BOOK) {
      const [low, lowTitle] = [text.toLowerCase(), title.toLowerCase()];
      if (!words.every((word) => low.includes(word) || lowTitle.includes(word))) continue;
      const first = Math.max(0, low.indexOf(words[0]));
      found.push({ at, title, text: text.slice(Math.max(0, first - 40), first + 100),
        rank: words.filter((word) => lowTitle.includes(word)).length });
    }
    found.sort((a, b) => b.rank - a.rank);
    for (const { at, title, text } of found.slice(0, 20)) {
      const item = document.createElement('li'), link = document.createElement('a'), part = document.createElement('small');
      [link.href, link.textContent, part.textContent] = [at, title, `…${text}…`];
      item.append(link, part);
      list.append(item);
    }
    if (!found.length) list.textContent = field.dataset.nothing;
  };
  field.oninput = look;
  // A search that is linked to: `#search=words`.
  const linked = location.hash.match(/^#search=(.*)$/);
  if (linked) { field.value = decodeURIComponent(linked[1]); look(); }
})();
