// The state of the page as the part of its address behind `#`. Events are named by their numbers and tasks by theirs, so that a
// link stays right if the recording is written again.
'use strict';
(function (Lens) {
  const PLAIN = ['view', 'tab', 'show', 'order', 'query'];
  const NAMES = { view: 'view', tab: 'table', show: 'show', order: 'order', query: 'find' };
  const DEFAULT = { view: 'timeline', tab: 'tasks', show: 'all', order: 'first', query: '' };
  const ALLOWED = { view: ['timeline', 'tables', 'auntie'], tab: ['tasks', 'fds', 'timers', 'wakes', 'blocked', 'requests', 'calls'], show: ['all', 'tasks', 'fds', 'related'], order: ['first', 'busy'] };

  const rtName = (rt) => `${rt.process}.${rt.runtime}`;

  Lens.toHash = function (app) {
    const { model: m, selection } = app, words = new URLSearchParams();
    for (const key of PLAIN) if (app[key] !== DEFAULT[key]) words.set(NAMES[key], app[key]);
    if (app.sort) words.set('sort', `${app.sort[0]}${app.sort[1] < 0 ? 'd' : 'a'}`);
    // The window of a page that follows a run is soon another one.
    if (!app.live?.isFollowing && (app.t0 !== m.from || app.t1 !== m.to)) words.set('t', `${round(app.t0)}~${round(app.t1 - app.t0)}`);
    if (selection?.request) {
      const { rt, answer } = selection.request;
      words.set('request', `${rtName(m.rts[rt])}.${m.eventNumber(m.rts[rt], answer)}`);
    } else if (selection?.poll !== undefined) {
      const rt = m.rts[m.rtOf[selection.poll]];
      words.set('poll', `${rtName(rt)}.${m.eventNumber(rt, m.event[selection.poll])}`);
    } else if (selection?.task !== undefined) words.set('task', `${rtName(m.rts[m.tasks[selection.task].rt])}.${m.tasks[selection.task].id}`);
    else if (selection?.fd !== undefined) {
      const fd = m.fds[selection.fd];
      words.set('fd', `${rtName(m.rts[fd.rt])}.${((BigInt(fd.hi) << 32n) + BigInt(fd.lo)).toString(16)}`);
    } else if (selection?.thread !== undefined) {
      const thread = m.threads[selection.thread], rt = m.rts[thread.rt];
      words.set('call', `${rtName(rt)}.${selection.call === undefined ? `thread-${thread.tid}` : m.eventNumber(rt, thread.event[selection.call])}`);
    } else if (selection?.rt !== undefined) words.set('rt', rtName(m.rts[selection.rt]));
    if (app.view === 'auntie') words.set('step', `${rtName(m.rts[app.rt])}.${app.step}`);
    return `#${words}`;
  };

  /** What was selected in a model, in a newer one of the same run. */
  Lens.carry = (m, next, selection) => selection
    && Lens.fromHash(next, Lens.toHash({ ...DEFAULT, model: m, t0: m.from, t1: m.to, selection })).selection;

  const round = (time) => Number(time.toFixed(1));

  Lens.fromHash = function (m, hash) {
    const words = new URLSearchParams(hash.replace(/^#/, '')), state = { t0: m.from, t1: m.to };
    for (const key of PLAIN) {
      const value = words.get(NAMES[key]);
      if (value !== null && (!ALLOWED[key] || ALLOWED[key].includes(value))) state[key] = value;
    }
    const sort = /^(\d)([ad])$/.exec(words.get('sort') ?? '');
    if (sort) state.sort = [Number(sort[1]), sort[2] === 'd' ? -1 : 1];
    const [from, length] = (words.get('t') ?? '').split('~').map(Number);
    if (Number.isFinite(from) && length > 0) [state.t0, state.t1] = [from, from + length];
    const rtOf = (key) => {
      const [process, runtime, which] = (words.get(key) ?? '').split('.');
      return [m.rts.find((rt) => String(rt.process) === process && rt.runtime === runtime), which];
    };
    const [requestRt, answer] = rtOf('request'), [pollRt, number] = rtOf('poll'), [taskRt, id] = rtOf('task'), [fdRt, key] = rtOf('fd'), [rt] = rtOf('rt'), [callRt, called] = rtOf('call'), [stepRt, step] = rtOf('step');
    if (requestRt) {
      const event = m.eventOfNumber(requestRt, Number(answer)), request = event >= 0 ? Lens.requestAt(m, requestRt, event) : undefined;
      if (request) state.selection = { poll: request.poll, request };
    } else if (pollRt) {
      const event = m.eventOfNumber(pollRt, Number(number)), poll = event >= 0 ? pollRt.owner[event] : -1;
      if (poll >= 0) state.selection = { poll };
    } else if (taskRt) {
      const task = m.taskIn(taskRt, Number(id));
      if (task) state.selection = { task: task.index };
    } else if (fdRt && /^[0-9a-f]{1,16}$/.test(key)) {
      const whole = BigInt(`0x${key}`), fd = fdRt.fdByKey.get(Number(whole & 0xffffffffn), Number(whole >> 32n));
      if (fd) state.selection = { fd: fd.index };
    } else if (callRt) {
      const event = m.eventOfNumber(callRt, Number(called));
      for (const thread of callRt.threads) {
        const call = thread.event.indexOf(event);
        if (event >= 0 && call >= 0) state.selection = { thread: thread.index, call };
        else if (called === `thread-${thread.tid}`) state.selection = { thread: thread.index };
      }
    } else if (rt) state.selection = { rt: rt.index };
    if (stepRt) Object.assign(state, { rt: stepRt.index, step: Math.max(0, Math.floor(Number(step)) || 0) });
    return state;
  };

  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
