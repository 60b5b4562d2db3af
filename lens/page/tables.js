// The tables. Each has rows of values, by which it is sorted, and a way from a row to the timeline.
'use strict';
(function (Lens) {
  const { el, duration, describe, K } = Lens;
  const PAGE = 200;

  // A column: its title, the value by which it is sorted, and how that is written.
  const name = (title, value) => ({ title, value, show: (it, v) => v, isText: true });
  const number = (title, value) => ({ title, value, show: (it, v) => (Number.isFinite(v) ? v.toLocaleString('en') : '') });
  const time = (title, value) => ({ title, value, show: (it, v) => (Number.isFinite(v) && v >= 0 ? duration(v) : '') });

  Lens.tables = {
    tasks: {
      title: 'Tasks', caption: 'Each task, with what it cost. A row leads to its slowest poll.', sort: [2, -1], filter: 'tasks',
      rows: (m) => m.taskList.filter((task) => !Lens.areFaults(m.rts[task.rt])),
      columns: (m) => [
        name('Task', (task) => describe.taskName(task)), number('Polls', (task) => task.polls), time('At work', (task) => task.busy),
        time('In the queue', (task) => task.wait),
        time('Slowest poll', (task) => (task.slowest < 0 ? -1 : m.end[task.slowest] - m.start[task.slowest])),
        time('Longest wait', (task) => (task.longest < 0 ? -1 : m.wait[task.longest])),
        name('Spawned at', (task) => Lens.visible(task.place)),
      ],
      index: (task) => task.index,
      go: (m, task, column) => (column === 5 && task.longest >= 0 ? { poll: task.longest } : task.slowest >= 0 ? { poll: task.slowest } : { task: task.index }),
    },
    fds: {
      title: 'Descriptors', caption: 'What epoll watches. An attempt that found nothing is a system call for nothing.', sort: [2, -1], filter: 'fds',
      rows: (m) => m.fdList,
      columns: () => [
        name('Descriptor', (fd) => describe.fdName(fd)), number('Number', (fd) => fd.fd), number('Reports', (fd) => fd.reports), number('Attempts', (fd) => fd.tries),
        number('Found nothing', (fd) => fd.nothing), number('Failed', (fd) => fd.failed),
        time('In epoll for', (fd) => (Number.isNaN(fd.gone) ? NaN : fd.gone - (Number.isNaN(fd.registered) ? fd.first : fd.registered))),
      ],
      index: (fd) => fd.index,
      go: (m, fd) => ({ fd: fd.index }),
    },
    timers: {
      title: 'Late timers', caption: 'Timers that have fired, and how long after their deadline.', sort: [1, -1],
      rows: (m) => m.timers.filter((timer) => timer.fired >= 0),
      columns: (m) => {
        const pollOf = (timer) => (timer.set >= 0 ? m.rts[timer.rt].owner[timer.set] : -1);
        return [
          name('Set by', (timer) => (pollOf(timer) >= 0 ? describe.taskName(m.tasks[m.task[pollOf(timer)]]) : 'unknown')),
          time('Late by', (timer) => Math.max(0, m.rts[timer.rt].t[timer.fired] - timer.deadline)),
          time('Set for', (timer) => timer.deadline - timer.time),
          time('Fired at', (timer) => m.rts[timer.rt].t[timer.fired] - m.zero),
        ];
      },
      go: (m, timer) => {
        const p = timerPoll(m, timer);
        return p >= 0 ? { poll: p } : { rt: timer.rt, time: m.rts[timer.rt].t[timer.fired] };
      },
    },
    requests: {
      title: 'Requests', caption: 'The slowest requests: from when something may have come on a connection to the end of the poll that answers. A row leads there.', sort: [1, -1], filter: 'fds',
      rows: (m) => Lens.requests(m).list.map((r) => ({ r, ...Lens.requestSums(m, r) })),
      columns: (m) => [
        name('From', ({ r }) => describe.peerOf(r.fd)), time('At most', ({ r }) => r.end - r.from), time('In the kernel', (row) => row.unseen),
        time('In the queue', (row) => row.queued), time('Waiting', (row) => row.waiting), time('At work', (row) => row['at work']),
        time('Began at', ({ r }) => r.from - m.zero), name('Task', ({ r }) => describe.taskName(m.tasks[r.task])),
      ],
      index: ({ r }) => r.fd.index,
      go: (m, { r }) => ({ poll: r.poll, request: r }),
    },
    wakes: {
      title: 'Who wakes whom', caption: 'The wake graph: who has put which task on the run queue, and how often. A row leads to the first such wake.', sort: [2, -1],
      rows: (m) => [...m.wakes.values()],
      columns: (m) => [name('Waker', (edge) => describe.waker(m, edge)), name('Task', (edge) => describe.taskName(m.tasks[edge.to])), number('Wakes', (edge) => edge.count)],
      go: (m, edge) => {
        const rt = m.rts[edge.rt], task = m.tasks[edge.to], at = Lens.search(m.taskEnd, rt.t[edge.event], task.from, task.from + task.polls);
        return at < task.from + task.polls ? { poll: m.byTask[at] } : { task: edge.to };
      },
    },
    blocked: {
      title: 'What blocked the loop', caption: 'The longest polls. While one of them runs, nothing else does on its thread: the columns to the right say who was in the queue meanwhile, and for how long in sum.', sort: [1, -1],
      rows: (m) => m.longestPolls().map((p) => ({ p, ...m.behind(p) })),
      columns: (m) => [
        name('Task', ({ p }) => describe.taskName(m.tasks[m.task[p]])), time('Poll', ({ p }) => m.end[p] - m.start[p]), number('Tasks that waited', (row) => row.count),
        time('They waited', (row) => row.sum), time('Began at', ({ p }) => m.start[p] - m.zero), name('Spawned at', ({ p }) => Lens.visible(m.tasks[m.task[p]].place)),
      ],
      go: (m, row) => ({ poll: row.p }),
    },
    calls: {
      title: 'System calls', caption: 'What each runtime has called. A row leads to the longest of these calls.', sort: [3, -1],
      rows: (m) => Lens.calls.sums(m),
      columns: (m) => [
        name('Runtime', (row) => Lens.visible(m.rts[row.rt].label)), name('Call', (row) => row.name), number('Count', (row) => row.count), time('Time', (row) => row.took),
        time('Longest', (row) => row.longest), number('Handed over', (row) => row.given), number('Ready', (row) => row.ready),
        number('Found nothing', (row) => row.empty), number('Failed', (row) => row.failed),
      ],
      go: (m, row) => ({ thread: row.thread, call: row.call }),
    },
  };

  // A recording of system calls alone has nothing for most tables, and one of a runtime nothing for this one.
  const isThere = (m, id) => (id === 'calls' ? m.threads.length > 0 : m.polls > 0 || !m.threads.length || id === 'fds');

  // The poll that a timer has brought about.
  function timerPoll(m, timer) {
    const rt = m.rts[timer.rt];
    for (let i = timer.fired + 1; i < rt.n && i < timer.fired + 4; i++) {
      if ((rt.words[i * 6] & 255) !== K.WOKEN) continue;
      const task = m.taskIn(rt, describe.idOf(rt, i)), at = Lens.search(m.taskEnd, rt.t[i], task.from, task.from + task.polls);
      return at < task.from + task.polls ? m.byTask[at] : -1;
    }
    return -1;
  }

  /** The rows of a table in order, as an array of places, and their values. */
  Lens.sorted = function (m, table, [column, direction], found) {
    let rows = table.rows(m);
    if (found && table.filter) rows = rows.filter((row) => found[table.filter].has(table.index(row)));
    const columns = table.columns(m), { value, isText } = columns[column] ?? columns[0];
    const values = rows.map(value), order = rows.map((_, i) => i);
    if (isText) {
      const { compare } = new Intl.Collator('en', { numeric: true });
      order.sort((a, b) => direction * compare(values[a], values[b]) || a - b);
    } else {
      const key = values.map((it) => (Number.isFinite(it) ? it : -1));
      order.sort((a, b) => direction * (key[a] - key[b]) || a - b);
    }
    return { rows: order.map((i) => rows[i]), columns };
  };

  class Tables {
    constructor(app) {
      this.app = app;
      this.root = document.getElementById('view-tables');
      this.shown = PAGE;
      this.drawn = '';
    }

    show(isNew) {
      const { app, root } = this, { model: m } = app, tab = isThere(m, app.tab) ? app.tab : m.threads.length && !m.polls ? 'calls' : 'tasks', table = Lens.tables[tab] ?? Lens.tables.tasks;
      const sort = app.sort ?? table.sort, key = JSON.stringify([tab, sort, app.query]);
      if (key === this.drawn && !isNew) return;
      if (key !== this.drawn) this.shown = PAGE;
      this.drawn = key;
      const focused = root.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
      const { rows, columns } = Lens.sorted(m, table, sort, app.found);
      const choices = Object.entries(Lens.tables).filter(([id]) => isThere(m, id)).map(([id, it]) => el('button', { type: 'button', 'data-key': `table-${id}`, 'aria-pressed': String(it === table), onclick: () => app.set({ tab: id, sort: null }) }, it.title));
      const head = columns.map((column, i) => el('th', { scope: 'col', class: column.isText ? '' : 'number', 'aria-sort': sort[0] === i ? (sort[1] < 0 ? 'descending' : 'ascending') : null },
        el('button', { type: 'button', 'data-key': `column-${i}`, onclick: () => app.set({ sort: [i, sort[0] === i ? -sort[1] : column.isText ? 1 : -1] }) }, column.title)));
      const body = el('tbody');
      const fill = (from) => rows.slice(from, this.shown).forEach((row) => body.append(this.row(m, table, columns, row)));
      fill(0);
      const more = el('button', { type: 'button', class: 'more', 'data-key': 'more', onclick: () => {
        const from = this.shown;
        this.shown += PAGE * 5;
        fill(from);
        more.hidden = this.shown >= rows.length;
        body.rows[from]?.querySelector('button').focus();
      } }, 'Show more rows');
      more.hidden = this.shown >= rows.length;
      root.replaceChildren(
        el('div', { class: 'toolbar' }, el('div', { class: 'choices', role: 'group', 'aria-label': 'Tables' }, choices), el('p', { id: 'caption' }, `${table.caption} ${Lens.count(rows.length, 'row')}.`)),
        el('div', { class: 'scroll', tabindex: '-1' },
          el('table', { 'aria-label': table.title, 'aria-describedby': 'caption' }, el('thead', {}, el('tr', {}, head)), body), more),
      );
      if (focused) root.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    }

    /** Shows a newer model, unless somebody is about to choose a row: it would be another one. */
    renew() {
      const { root } = this, body = root.querySelector('tbody');
      if (body && (body.matches(':hover') || body.contains(document.activeElement))) return;
      const top = root.querySelector('.scroll')?.scrollTop ?? 0;
      this.show(true);
      root.querySelector('.scroll').scrollTop = top;
    }

    row(m, table, columns, row) {
      const go = (column) => this.app.goTo(table.go(m, row, column));
      const cells = columns.map((column, i) => {
        const text = el('bdi', {}, column.show(row, column.value(row)));
        return el('td', { class: column.isText ? '' : 'number', 'data-column': i }, i === 0 ? el('button', { class: 'link', type: 'button' }, text) : text);
      });
      return el('tr', { onclick: (event) => go(Number(event.target.closest('td')?.dataset.column ?? 0)) }, cells);
    }
  }

  Lens.Tables = Tables;
  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
