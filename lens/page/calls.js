// System calls: the threads that made them, and what is said about them. Only recordings that have such events have threads.
'use strict';
(function (Lens) {
  const { duration, count } = Lens;
  const WAITS = 0, MOVES = 1, ACCEPTS = 2, OTHER = 3;
  // The numbers of Linux on x86-64, and the names that programs use.
  const CALLS = {
    0: ['read', MOVES], 1: ['write', MOVES], 3: ['close', OTHER], 7: ['poll', WAITS], 17: ['pread', MOVES], 18: ['pwrite', MOVES],
    19: ['readv', MOVES], 20: ['writev', MOVES], 23: ['select', WAITS], 39: ['getpid', OTHER], 44: ['send', MOVES], 45: ['recv', MOVES], 48: ['shutdown', OTHER],
    72: ['fcntl', OTHER], 128: ['sigtimedwait', WAITS], 206: ['io_setup', OTHER], 207: ['io_destroy', OTHER], 208: ['io_getevents', WAITS],
    209: ['io_submit', OTHER], 232: ['epoll_wait', WAITS], 233: ['epoll_ctl', OTHER], 270: ['pselect', WAITS], 271: ['ppoll', WAITS],
    281: ['epoll_pwait', WAITS], 288: ['accept', ACCEPTS], 289: ['signalfd', OTHER], 290: ['eventfd', OTHER], 291: ['epoll_create', OTHER],
    425: ['io_uring_setup', OTHER], 426: ['io_uring_enter', WAITS], 427: ['io_uring_register', OTHER], 441: ['epoll_pwait2', WAITS],
  };
  const LISTS = new Set([7, 23, 270, 271]), EPOLLS = new Set([232, 281, 441]), EAGAIN = -11;
  const ERRORS = { 4: 'EINTR', 9: 'EBADF', 11: 'EAGAIN', 17: 'EEXIST', 22: 'EINVAL', 24: 'EMFILE', 32: 'EPIPE', 104: 'ECONNRESET', 107: 'ENOTCONN' };
  const KINDS = ['It waits.', 'It moves bytes.', 'It takes a connection.', 'It is one of the others.'];

  const nameOf = (call) => CALLS[call]?.[0] ?? `call ${call}`;
  const kindOf = (call) => CALLS[call]?.[1] ?? OTHER;
  const errorOf = (result) => ERRORS[-result] ?? `error ${-result}`;

  /** Makes the threads of a model: each has its calls in the order in which they ended. */
  Lens.threadsOf = function (m) {
    m.threads = [];
    for (const rt of m.rts) {
      const byNumber = new Map();
      for (const i of rt.called) {
        const tid = rt.words[i * 6 + 2];
        if (!byNumber.has(tid)) byNumber.set(tid, []);
        byNumber.get(tid).push(i);
      }
      rt.threads = [...byNumber].map(([tid, events], place) => thread(rt, tid, events, place, byNumber.size));
      for (const it of rt.threads) it.index = m.threads.push(it) - 1;
    }
  };

  function thread(rt, tid, events, place, all) {
    const { words, t } = rt, n = events.length;
    const it = { rt: rt.index, tid, place, all, n, event: Int32Array.from(events), start: new Float64Array(n), end: new Float64Array(n), sum: new Float64Array(n + 1) };
    events.forEach((i, k) => {
      const w = i * 6, took = words[w + 4] + (words[w + 5] & 0xff) * 4294967296;
      // Nothing in a damaged recording may overlap: what is in sight is found by a search.
      it.end[k] = t[i];
      it.start[k] = Math.max(k ? it.end[k - 1] : t[i] - 3.6e12, t[i] - took);
      it.sum[k + 1] = it.sum[k] + it.end[k] - it.start[k];
    });
    return it;
  }

  /** A call of a thread, taken apart. `given`: a descriptor, or how many; -1: unknown. */
  const callAt = (m, thread, k) => {
    const { words } = m.rts[thread.rt], w = thread.event[k] * 6, high = words[w + 3];
    const call = high >>> 16;
    return { call, name: nameOf(call), kind: kindOf(call), given: (high & 0xffff) - 1, result: words[w + 5] >> 8, isList: LISTS.has(call),
      isEpoll: EPOLLS.has(call), start: thread.start[k], end: thread.end[k], took: words[w + 4] + (words[w + 5] & 0xff) * 4294967296 };
  };

  const threadName = (m, thread) => {
    const { label } = m.rts[thread.rt];
    return Lens.visible(thread.all === 1 ? label : `${label}, thread ${thread.place + 1}`);
  };

  /** What stands in a bar that has room: the call, what goes in, and what comes out. */
  const short = (it) => {
    if (it.result < 0) return `${it.name} ${errorOf(it.result)}`;
    if (it.isList) return `${it.name} ${it.given < 0 ? '?' : it.given} → ${it.result}`;
    if (it.kind === WAITS || it.kind === ACCEPTS) return `${it.name} → ${it.result}`;
    return it.kind === MOVES ? `${it.name} ${it.result}` : it.name;
  };

  // The descriptor of a number at a time, if it is one that the recording knows.
  const fdNow = (m, thread, number, time) => m.fdList.find((fd) => fd.rt === thread.rt && fd.fd === number && !(fd.registered > time) && !(fd.gone < time));

  /** What a call was given, and what it returned, in sentences. */
  function sentences(m, thread, it) {
    const fd = fdNow(m, thread, it.given, it.end);
    const named = fd ? { text: Lens.describe.fdName(fd), go: { fd: fd.index } } : `descriptor ${it.given}`;
    let given = ['That is not known.'];
    if (it.given >= 0) given = it.isList ? [`A list of ${count(it.given, 'descriptor')}. The kernel copies and searches all of it, at each call.`]
      : it.isEpoll ? [`Only the epoll, ${'descriptor '}${it.given}: the kernel keeps the list of all others.`] : ['The ', named, '.'];
    let result;
    if (it.result === EAGAIN) result = 'EAGAIN: nothing was there. The call was for nothing.';
    else if (it.result < 0) result = `${errorOf(it.result)}: it has failed.`;
    else if (it.kind === WAITS && it.call !== 128 && it.call !== 426) result = it.result ? `${count(it.result, 'descriptor')} ${it.result === 1 ? 'is' : 'are'} ready.` : 'None is ready.';
    else if (it.kind === MOVES) result = it.result ? `${count(it.result, 'byte')}.` : '0 bytes: the peer sends no more.';
    else if (it.kind === ACCEPTS) result = `A new connection: descriptor ${it.result}.`;
    else result = `${it.result}.`;
    return { given, result, kind: KINDS[it.kind] };
  }

  function inWords(m, thread, k) {
    const it = callAt(m, thread, k), said = sentences(m, thread, it);
    return `${it.name}, ${duration(it.took)}\ngiven: ${Lens.describe.plain(said.given)}\nresult: ${said.result}`;
  }

  /** Sums for each runtime and call: the rows of the table. */
  function sums(m) {
    const rows = new Map();
    for (const thread of m.threads) {
      for (let k = 0; k < thread.n; k++) {
        const it = callAt(m, thread, k), key = `${thread.rt}.${it.call}`;
        let row = rows.get(key);
        if (!row) rows.set(key, row = { rt: thread.rt, name: it.name, count: 0, took: 0, longest: -1, given: 0, ready: 0, empty: 0, failed: 0, thread: thread.index, call: k });
        row.count++;
        row.took += it.took;
        if (it.took > row.longest) Object.assign(row, { longest: it.took, thread: thread.index, call: k });
        if (it.isList && it.given > 0) row.given += it.given;
        if (it.kind === WAITS && it.result > 0 && it.call !== 128 && it.call !== 426) row.ready += it.result;
        if (it.result === EAGAIN) row.empty++;
        else if (it.result < 0) row.failed++;
      }
    }
    return [...rows.values()];
  }

  Lens.calls = { WAITS, MOVES, ACCEPTS, OTHER, EAGAIN, nameOf, kindOf, callAt, threadName, short, sentences, inWords, sums };
  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
