// What `?` shows: the keys, and the signs of the timeline.
'use strict';
(function (Lens) {
  const { el } = Lens;
  const KEYS = [
    ['← →', 'move in time'], ['+ −', 'zoom; so does the wheel, or two fingers'], ['Home End', 'the beginning, the end'], ['0', 'show all'],
    ['Tab ↑ ↓', 'go through the lanes; Page Up and Page Down by twelve'], ['Enter', 'select a poll in the lane; again: the next one'],
    ['n p', 'next and previous poll of this task'], ['w', 'who woke it'], ['Esc', 'leave the timeline for the panel'],
    ['/', 'search'], ['f', 'follow the program, or pause, if the page is its own'], ['d', 'ask it who waits for what; Esc closes the answer'], ['1 2 3', 'timeline, tables, the auntie'], ['?', 'this'],
  ];
  const SIGNS = [
    ['dark bar', 'a poll: the task has the thread', 'background: var(--poll)'],
    ['hatched bar', 'in the queue: woken, but others have the thread', 'background: repeating-linear-gradient(-45deg, var(--queue) 0 1.5px, transparent 1.5px 5px); outline: 1px solid var(--queue)'],
    ['pale bar', 'the loop sleeps in epoll', 'background: var(--sleep)'],
    ['green bar', 'the loop itself: it looks at epoll, timers and messages', 'background: var(--turn)'],
    ['▲', 'epoll has reported the descriptor', ''],
    ['● ■', 'a read, a write; with a hole: nothing is left now; a ring: nothing was there; ✕: it failed', ''],
    ['▸ ❙ ✕', 'a task begins; it ends; it panics or is cancelled', ''],
    ['bars of a thread', 'system calls: pale ones wait, blue ones move bytes, orange ones accept, green ones are others; hollow: nothing was there', '', true],
    ['■ □', 'below a wait: descriptors that were handed over; full: those that are ready', '', true],
    ['frame', 'the request that is selected, from when it may have come to its answer', 'background: color-mix(in srgb, var(--accent) 15%, transparent); outline: 1.5px solid var(--accent)'],
    ['orange arrow', 'from the cause to the wake, and to the poll; dashed: those it woke itself', 'background: linear-gradient(transparent 40%, var(--wake) 40% 60%, transparent 60%)'],
  ];

  // For which kind of recording the dialog was made.
  let shownCalls;

  Lens.help = function () {
    const dialog = document.getElementById('help'), hasCalls = Lens.app.model?.threads.length > 0;
    if (!dialog.firstChild || shownCalls !== hasCalls) {
      shownCalls = hasCalls;
      dialog.replaceChildren();
      dialog.append(el('div', { class: 'help' },
        el('h2', { id: 'help-title', tabindex: '-1', autofocus: true }, 'Keys and signs'),
        el('dl', {}, KEYS.flatMap(([keys, text]) => [el('dt', {}, keys.split(' ').map((key) => [el('kbd', {}, key), ' '])), el('dd', {}, text)])),
        el('h3', {}, 'On the timeline'),
        el('dl', {}, SIGNS.filter(([, , , isOfCalls]) => !isOfCalls || hasCalls).flatMap(([sign, text, style]) => [el('dt', {}, style ? el('span', { class: 'swatch', style, role: 'img', 'aria-label': sign }) : sign), el('dd', {}, text)])),
        el('p', {}, 'The address of the page keeps the view: copy it to show somebody what you see.'),
        el('div', {}, el('button', { type: 'button', class: 'primary', onclick: () => dialog.close() }, 'Close')),
      ));
    }
    if (dialog.open) dialog.close();
    else dialog.showModal();
  };
})(globalThis.Lens ??= {});
