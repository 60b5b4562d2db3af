// The panel beside the timeline: what is selected, in sentences, or what the program says.
'use strict';
(function (Lens) {
  const { el, duration, describe } = Lens;

  class Panel {
    constructor(app) {
      this.app = app;
      this.root = document.getElementById('panel');
    }

    /** Makes elements of a sentence: texts, links and places. */
    sentence(said) {
      return said.map((part) => {
        if (typeof part === 'string') return part;
        if (part.code) return el('code', {}, el('bdi', {}, part.text));
        return el('button', { class: 'link', type: 'button', onclick: () => this.app.select(part.go) }, el('bdi', {}, part.text));
      });
    }

    show() {
      const { app, root } = this, { model: m, selection } = app;
      const focused = root.contains(document.activeElement) && document.activeElement !== root ? document.activeElement.id : null;
      root.replaceChildren();
      root.scrollTop = 0;
      if (app.waits !== null) this.waits(app.waits);
      else if (!selection) this.nothing(m);
      else if (selection.request) this.request(m, selection.request);
      else if (selection.poll !== undefined) this.poll(m, selection.poll);
      else if (selection.task !== undefined) this.task(m, m.tasks[selection.task]);
      else if (selection.thread !== undefined) this.thread(m, m.threads[selection.thread], selection.call);
      else if (selection.fd !== undefined) this.fd(m, m.fds[selection.fd]);
      else this.runtime(m, m.rts[selection.rt]);
      // The button that was pressed is there again, or else the panel keeps the focus.
      if (focused !== null) {
        const again = focused && document.getElementById(focused);
        (again && !again.disabled ? again : root).focus({ preventScroll: true });
      }
    }

    /** What the program says of its tasks, whatever they are called. */
    waits(text) {
      this.root.append(
        el('h2', {}, 'Who waits for what'),
        el('div', { class: 'actions' },
          el('button', { type: 'button', id: 'waits-again', onclick: () => this.app.live?.whoWaits() }, 'Ask again'),
          el('button', { type: 'button', id: 'waits-close', onclick: () => this.app.closeWaits() }, 'Close')),
        el('pre', {}, text.trimEnd().split('\n').map(Lens.visible).join('\n')),
      );
    }

    nothing(m) {
      this.root.append(
        el('h2', {}, 'Nothing is selected'),
        el('p', {}, m.polls ? 'Click a poll, a dark bar in a lane, to read why it ran, how long it waited, and what it did.' : m.threads.length ? 'Click a call, a bar in the lane of a thread, to read what it was given, how long it took, and what it returned.' : 'There are no polls in this recording.'),
        m.threads.length ? this.legend() : '',
        el('p', { class: 'quiet' }, 'The wheel zooms, a drag moves, ? shows all keys.'),
      );
    }

    poll(m, p) {
      const { app } = this, it = describe.poll(m, p), rt = m.rts[m.rtOf[p]];
      const button = (id, label, action, isThere) => el('button', { type: 'button', id, onclick: action, disabled: !isThere }, label);
      const cause = m.causeOf(p);
      const field = (name, ...content) => [el('dt', {}, name), el('dd', {}, ...content)];
      this.root.append(
        el('h2', {}, el('bdi', {}, it.title)),
        el('p', { class: 'quiet' }, `Poll ${it.number.toLocaleString('en')} of ${it.of.toLocaleString('en')}, at ${Lens.time(m.start[p] - m.zero, 1000)}, on `, el('bdi', {}, Lens.visible(rt.label))),
        el('div', { class: 'actions' },
          button('poll-previous', '← previous poll', () => app.toPoll(-1), it.number > 1),
          button('poll-next', 'next poll →', () => app.toPoll(1), it.number < it.of),
          button('poll-waker', 'who woke it', () => app.toWaker(), cause.poll >= 0 || cause.fd || cause.task),
          button('poll-auntie', 'play it', () => app.play(p), true)),
        it.slow.length ? el('div', { class: 'why' }, ...it.slow.map((said) => el('p', {}, ...this.sentence(said)))) : '',
        el('dl', {},
          ...field('Why it ran', ...this.sentence(it.cause)),
          ...field('In the queue', ...this.sentence(it.queue)),
          ...field('How long', ...this.sentence(it.took)),
          ...field('Meanwhile', it.events.length
            ? el('ol', {}, ...it.events.slice(0, 200).map((event) => el('li', {}, el('time', {}, event.time === null ? '' : `+${duration(event.time)}`), el('span', {}, ...this.sentence(event.text)))))
            : 'It told of nothing: it only computed.', it.events.length > 200 ? `… and ${it.events.length - 200} more.` : ''),
          ...field('Where it comes from', ...this.sentence(it.spawned))),
        this.lanesButton(),
      );
    }

    request(m, r) {
      const { app } = this, it = describe.request(m, r), rt = m.rts[r.rt], { list } = Lens.requests(m);
      const field = (name, ...content) => [el('dt', {}, name), el('dd', {}, ...content)];
      const go = (id, label, to) => el('button', { type: 'button', id, disabled: !to, onclick: () => app.select({ poll: to.poll, request: to }) }, label);
      this.root.append(
        el('h2', {}, el('bdi', {}, it.title)),
        el('p', { class: 'quiet' }, `Request ${it.number.toLocaleString('en')} of ${it.of.toLocaleString('en')} on this connection, at ${Lens.time(r.from - m.zero, 1000)}, on `, el('bdi', {}, Lens.visible(rt.label))),
        el('div', { class: 'actions' }, go('request-slower', '← slower one', list[it.place - 1]), go('request-quicker', 'next slowest →', it.place < 0 ? undefined : list[it.place + 1])),
        el('div', { class: 'why' }, ...it.why.map((said) => el('p', {}, ...this.sentence(said)))),
        this.lanesButton(),
        el('dl', {},
          ...field('How long', ...this.sentence(it.took)),
          ...field('Who answered', ...this.sentence(it.who)),
          ...field('Where the time went', el('ol', {}, ...it.parts.map((part) => el('li', {}, el('time', {}, `+${duration(part.time)}`), el('span', {}, ...this.sentence(part.text))))), it.rest),
          ...field('Where it comes from', ...this.sentence(it.spawned))),
      );
    }

    lanesButton() {
      const { app } = this, isOn = app.show === 'related';
      return el('p', {}, el('button', { type: 'button', id: 'related', 'aria-pressed': String(isOn), onclick: () => app.set({ show: isOn ? 'all' : 'related' }) },
        isOn ? 'Show all lanes again' : 'Show only lanes that belong to it'));
    }

    task(m, task) {
      if (Lens.areFaults(m.rts[task.rt])) return this.fault(m, task);
      const go = (label, p) => (p >= 0 ? el('p', {}, el('button', { type: 'button', onclick: () => this.app.select({ poll: p }) }, label)) : '');
      this.root.append(
        el('h2', {}, el('bdi', {}, describe.taskName(task))),
        el('p', { class: 'quiet' }, ...this.sentence(describe.taskSummary(m, task))),
        el('p', {}, ...this.sentence(describe.spawned(m, task))),
      );
      if (!task.polls) return;
      this.root.append(
        go('Its first poll', m.byTask[task.from]),
        go(`Its slowest poll: ${duration(m.end[task.slowest] - m.start[task.slowest])}`, task.slowest),
        task.longest >= 0 ? go(`Its longest wait in the queue: ${duration(m.wait[task.longest])}`, task.longest) : '',
        go('Its last poll', m.byTask[task.from + task.polls - 1]),
      );
    }

    fault(m, task) {
      const begin = Lens.time(task.spawned - m.zero, 1000);
      this.root.append(
        el('h2', {}, el('bdi', {}, Lens.visible(task.name))),
        el('p', {}, task.ended === task.spawned ? `At ${begin}.` : Number.isNaN(task.ended) ? `From ${begin} to the end of the run.` : `From ${begin} to ${Lens.time(task.ended - m.zero, 1000)}: for ${duration(task.ended - task.spawned)}.`),
        task.ended === task.spawned ? '' : el('p', { class: 'quiet' }, 'The simulation has done this, and none of the programs.'),
      );
    }

    fd(m, fd) {
      this.root.append(
        el('h2', {}, el('bdi', {}, describe.fdName(fd))),
        el('p', { class: 'quiet' }, ...this.sentence(describe.fdSummary(m, fd))),
        el('p', {}, fd.lo + fd.hi === 0 ? 'No task has waited for it in epoll.' : Number.isNaN(fd.registered) ? 'It was put into epoll before the recording begins.' : `It is in epoll since ${Lens.time(fd.registered - m.zero, 1000)}.`,
          Number.isNaN(fd.gone) ? '' : ` It left epoll at ${Lens.time(fd.gone - m.zero, 1000)}.`),
        fd.lo + fd.hi === 0 ? '' : el('p', { class: 'quiet' }, `Its key is 0x${((BigInt(fd.hi) << 32n) + BigInt(fd.lo)).toString(16)}.`),
      );
    }

    // What the bars of a thread mean.
    legend() {
      const signs = [['--sleep', 'waits: select, poll, epoll_wait …'], ['--poll', 'moves bytes: recv, send …, and waits for them, if the socket blocks; hollow: EAGAIN, nothing was there'], ['--wake', 'accept'], ['--turn', 'all others: epoll_ctl, close …']];
      return el('div', { class: 'legend' }, signs.map(([colour, text]) => el('p', {}, el('span', { class: 'swatch', style: `background: var(${colour})` }), text)),
        el('p', {}, el('span', { class: 'squares' }, '■□□'), 'below a wait: each descriptor that was handed over; full: those that are ready. epoll_wait hands none over.'));
    }

    thread(m, thread, k) {
      const { calls } = Lens, rt = m.rts[thread.rt];
      if (k === undefined) {
        const rows = calls.sums({ ...m, threads: [thread] }).sort((a, b) => b.took - a.took);
        this.root.append(
          el('h2', {}, el('bdi', {}, calls.threadName(m, thread))),
          el('p', { class: 'quiet' }, `Thread ${thread.tid}: ${Lens.count(thread.n, 'system call')}, ${duration(thread.sum[thread.n])} in all.`),
          el('dl', {}, rows.flatMap((row) => [el('dt', {}, row.name), el('dd', {}, `${Lens.count(row.count, 'call')}, ${duration(row.took)}${row.given ? `, ${Lens.count(row.given, 'descriptor')} handed over` : ''}${row.empty ? `, ${row.empty} for nothing` : ''}`)])),
          this.legend());
        return;
      }
      const it = calls.callAt(m, thread, k), said = calls.sentences(m, thread, it);
      const field = (name, ...content) => [el('dt', {}, name), el('dd', {}, ...content)];
      const button = (id, label, by) => el('button', { type: 'button', id, disabled: k + by < 0 || k + by >= thread.n, onclick: () => this.app.toPoll(by) }, label);
      this.root.append(
        el('h2', {}, it.name),
        el('p', { class: 'quiet' }, `Call ${(k + 1).toLocaleString('en')} of ${thread.n.toLocaleString('en')}, at ${Lens.time(it.start - m.from, 1000)}, in `, el('bdi', {}, calls.threadName(m, thread))),
        el('div', { class: 'actions' }, button('call-previous', '← previous call', -1), button('call-next', 'next call →', 1)),
        el('dl', {}, ...field('What it was given', ...this.sentence(said.given)), ...field('How long', `${duration(it.took)}. ${said.kind}`), ...field('Result', said.result),
          ...field('Thread', `${thread.tid}, of ${Lens.visible(rt.label)}`)),
        this.legend());
    }

    runtime(m, rt) {
      this.root.append(
        el('h2', {}, el('bdi', {}, Lens.visible(rt.label))),
        el('p', { class: 'quiet' }, `Process ${rt.process}, thread `, el('bdi', {}, Lens.visible(rt.thread || 'without a name')), `. ${Lens.count(rt.n, 'event')}, ${Lens.count(rt.pollsEnd - rt.firstPoll, 'poll')}, ${Lens.count(rt.turns.end.length, 'turn')}.`),
        el('p', {}, `It slept for ${duration(rt.sleeps.sum.at(-1))} and polled for ${duration(m.sum[rt.pollsEnd] - m.sum[rt.firstPoll])}.`),
        el('p', {}, `Threads have entered it ${rt.entered === 1 ? 'once' : `${rt.entered.toLocaleString('en')} times`}.${Number.isNaN(rt.ended) ? '' : ` It ended at ${Lens.time(rt.ended - m.zero, 1000)}.`}`),
        el('p', {}, `It was written because of this: ${Lens.REASONS[rt.reason] ?? 'an unknown reason'}.`, rt.what ? el('bdi', {}, ` ${Lens.visible(rt.what)}`) : ''),
      );
    }
  }

  Lens.Panel = Panel;
})(globalThis.Lens ??= {});
