// Requests: from the moment at which a connection has something to read to the end of the poll that answers. A recording
// knows no protocol, so a request is what was read from a stream between two answers. When within a poll something was read
// or written is not known: the clock is not read for that.
'use strict';
(function (Lens) {
  const { K, CAUSE, search, duration, count, describe } = Lens;
  const STREAMS = [1, 4];
  const READ = 1, WRITE = 2;
  const MOST = 200;
  // A wait in epoll that took longer than this was a sleep: nothing was there when it began.
  const SLEEP = 20_000;
  // Linux gives its clients ports from here on.
  const EPHEMERAL = 32768;

  const link = (text, go) => ({ text, go });

  const hasGap = (rt, from, to) => rt.gaps.length > 0 && search(rt.gaps, from + 1, 0, rt.gaps.length) < search(rt.gaps, to + 1, 0, rt.gaps.length);

  // Where this program asks, what it reads is an answer, and it writes first. If the beginning is gone, the peer's port tells.
  function asks(fd, isFirstWrite) {
    if (!Number.isNaN(fd.registered)) return isFirstWrite;
    const port = /:(\d+)$/.exec(fd.peer);
    return port !== null && Number(port[1]) < EPHEMERAL;
  }

  /**
   * Calls `each` with the events of each request of a descriptor: the report, the first read, the first and the last write. The
   * object is the same one each time: there may be a million requests.
   */
  function walk(m, fd, each) {
    if (!STREAMS.includes(fd.kind)) return;
    const rt = m.rts[fd.rt], { words, t } = rt;
    const it = { read: -1, reported: -1, empty: 0, answer: -1, last: -1, writes: 0, number: 0 }, hasGaps = rt.gaps.length > 0;
    let reported = -1, empty = -Infinity, before = -1, isDecided = false;
    const finish = () => {
      if (it.answer >= 0 && rt.owner[it.read] >= 0 && rt.owner[it.answer] >= 0) {
        it.number++;
        each(it);
      }
      it.read = it.answer = -1;
    };
    for (let k = fd.from; k < fd.from + fd.count; k++) {
      const i = m.fdEvent[k], w = i * 6, kind = words[w] & 255, low = words[w + 4];
      if (hasGaps && before >= 0 && hasGap(rt, before, i)) {
        finish();
        [reported, empty] = [-1, -Infinity];
      }
      before = i;
      if (kind === K.REPORTED && low & 1 && reported < 0) reported = i;
      if (kind !== K.TRIED) continue;
      const what = low & 0xffff, how = low >>> 16;
      if (how <= 1 && !isDecided) {
        isDecided = true;
        if (asks(fd, what === WRITE)) return;
      }
      if (what === READ) {
        if (how <= 1) {
          if (it.answer >= 0) finish();
          if (it.read < 0) {
            it.read = i;
            it.reported = reported;
            it.empty = empty;
            it.writes = 0;
          }
        }
        if (how <= 2) reported = -1;
        if (how === 1 || how === 2) empty = t[i];
      } else if (what === WRITE && how <= 1) {
        // A client that has no answer yet does not ask again.
        empty = t[i];
        if (it.read < 0) continue;
        if (it.answer < 0) it.answer = i;
        it.last = i;
        it.writes++;
      }
    }
    finish();
  }

  // Since when it may have been there. epoll tells of it when the loop looks, which may be late.
  function since(m, rt, { reported, read, empty }) {
    const { t, words, looks } = rt;
    if (reported < 0) {
      const p = rt.owner[read];
      return Number.isFinite(empty) ? empty : m.position[p] === m.tasks[m.task[p]].from ? Math.min(t[read], m.start[p] - m.wait[p]) : t[read];
    }
    const at = search(looks, reported, 0, looks.length) - 1, look = looks[at];
    if (at < 0 || hasGap(rt, look, reported)) return t[reported];
    const took = words[look * 6 + 2] + words[look * 6 + 3] * 4294967296;
    const from = took >= SLEEP && words[look * 6 + 5] & 1 ? t[look] : at > 0 && !hasGap(rt, looks[at - 1], look) ? t[looks[at - 1]] : t[look] - took;
    return Math.min(t[reported], Math.max(from, empty));
  }

  function make(m, fd, it) {
    const rt = m.rts[fd.rt], { t } = rt, poll = rt.owner[it.answer], from = since(m, rt, it);
    // What the first poll of a task reads may have been there since the task was spawned, and was not overlooked meanwhile.
    const seen = it.reported >= 0 ? t[it.reported] : Number.isFinite(it.empty) ? t[it.read] : from;
    return { ...it, fd, rt: fd.rt, poll, task: m.task[poll], from, seen, end: m.end[poll] };
  }

  /** How many requests there are, and the slowest of them, the slowest first. */
  Lens.requests = function (m) {
    if (m.requests) return m.requests;
    let all = 0, least = 0, list = [];
    const sort = () => list.sort((a, b) => b.end - b.from - a.end + a.from || a.from - b.from);
    for (const fd of m.fdList) {
      walk(m, fd, (it) => {
        all++;
        const rt = m.rts[fd.rt];
        if (m.end[rt.owner[it.answer]] - since(m, rt, it) < least) return;
        list.push(make(m, fd, it));
        if (list.length < MOST * 8) return;
        sort().length = MOST;
        least = list[MOST - 1].end - list[MOST - 1].from;
      });
    }
    return m.requests = { count: all, list: sort().slice(0, MOST) };
  };

  /** The request that is answered by an event, if there is one. */
  Lens.requestAt = function (m, rt, event) {
    const fd = m.fdAt(rt, event);
    let found;
    if (fd) walk(m, fd, (it) => it.answer === event && (found ??= Lens.requests(m).list.find((other) => other.rt === rt.index && other.answer === event) ?? make(m, fd, it)));
    return found;
  };

  // The polls in which it was read, worked on and answered. One task may have read it and another one answered.
  function pollsOf(m, r) {
    const reader = m.rts[r.rt].owner[r.read], task = m.tasks[r.task];
    const isOther = m.task[reader] !== r.task, polls = isOther ? [reader] : [];
    for (let k = search(m.taskEnd, isOther ? m.start[reader] : r.seen, task.from, m.position[r.poll]); k <= m.position[r.poll]; k++) polls.push(m.byTask[k]);
    return polls;
  }

  /** Where its time went: stretches, one behind the other, each unseen, queued, at work or waiting. */
  function parts(m, r) {
    const list = [];
    let at = r.from;
    const add = (kind, to, poll) => {
      if (to > at) list.push({ kind, poll, from: at, to, took: to - at });
      at = Math.max(at, to);
    };
    add('unseen', r.seen, -1);
    for (const p of pollsOf(m, r)) {
      add('waiting', Math.min(r.end, m.start[p] - m.wait[p]), p);
      add('queued', Math.min(r.end, m.start[p]), p);
      add('at work', Math.min(r.end, m.end[p]), p);
    }
    return list;
  }

  // The polls of a runtime in a stretch of time: how many, and the longest.
  function between(m, rt, from, to) {
    let polls = 0, longest = -1;
    for (let p = search(m.end, from + 1e-9, rt.firstPoll, rt.pollsEnd); p < rt.pollsEnd && m.start[p] < to; p++) {
      polls++;
      if (longest < 0 || m.end[p] - m.start[p] > m.end[longest] - m.start[longest]) longest = p;
    }
    return { polls, longest };
  }

  function awaited(m, p) {
    const it = m.causeOf(p), before = m.position[p] > m.tasks[m.task[p]].from ? m.byTask[m.position[p] - 1] : -1;
    const began = before >= 0 ? [', since ', link('this poll', { poll: before })] : [];
    switch (it.kind) {
      case CAUSE.TIMER: return ['for a timer', ...(it.poll >= 0 ? [', which was set in ', link('this poll', { poll: it.poll })] : began)];
      case CAUSE.REPORT: return ['for ', it.fd ? link(describe.fdName(it.fd), { fd: it.fd.index }) : 'a descriptor', ...began];
      case CAUSE.TASK: return ['for ', it.task ? link(describe.taskName(it.task), { task: it.task.index }) : 'another task', ...(it.poll >= 0 ? [', which woke it in ', link('this poll', { poll: it.poll })] : began)];
      case CAUSE.JOINED: return ['for the end of ', it.task ? link(describe.taskName(it.task), { task: it.task.index }) : 'a task', ...began];
      case CAUSE.MESSAGE: return ['for another thread', ...began];
      case CAUSE.CALL: return [`for the blocking call #${it.id}`, ...began];
      case CAUSE.RING: return [`for operation ${it.id} of the ring`, ...began];
      default: return ['for something that is not recorded', ...began];
    }
  }

  /** What is said about a stretch of a request. */
  function sentence(m, r, part) {
    const took = duration(part.took), rt = m.rts[part.poll >= 0 ? m.rtOf[part.poll] : r.rt];
    if (part.kind === 'waiting') return [`${took} waiting `, ...awaited(m, part.poll)];
    if (part.kind === 'at work') return [`${took} at work in `, link('this poll', { poll: part.poll }), part.poll === r.poll ? ', which answers' : ''];
    const { polls, longest } = between(m, rt, part.from, part.to);
    const others = longest < 0 ? '' : [polls === 1 ? ': ' : `: ${count(polls, 'poll')}, the longest of `, link(`${describe.taskName(m.tasks[m.task[longest]])} (${duration(m.end[longest] - m.start[longest])})`, { poll: longest })];
    if (part.kind === 'queued') return [`${took} in the queue`, ...(longest < 0 ? [', with nobody before it'] : [', behind others', ...others])];
    return [`up to ${took} in the kernel, until ${r.reported < 0 ? 'it was read' : 'the loop looked at epoll again'}`, ...others];
  }

  describe.peerOf = (fd) => (fd.peer ? Lens.visible(fd.peer) : describe.fdName(fd));

  /** All that the panel says about a request. */
  describe.request = function (m, r) {
    const { list } = Lens.requests(m), all = parts(m, r), rt = m.rts[r.rt];
    const longest = all.reduce((a, b) => (b.took > a.took ? b : a), all[0]);
    // Many short stretches are told in one line.
    const kept = new Set([...all].sort((a, b) => b.took - a.took).slice(0, 12)), rest = all.filter((part) => !kept.has(part));
    let ofThis = 0;
    walk(m, r.fd, () => ofThis++);
    const why = r === list[0] ? [['This is the slowest request of the recording.']] : [];
    if (longest) why.push([`${Math.floor(longest.took / (r.end - r.from) * 100)} % of its time: `, ...sentence(m, r, longest), '.']);
    const last = rt.owner[r.last], later = last >= 0 ? m.end[last] - r.end : 0;
    const sent = later > 0 ? ` The answer was sent in ${count(r.writes, 'write')}, the last of them ${duration(later)} later.` : '';
    return {
      title: `Request from ${describe.peerOf(r.fd)}`,
      number: r.number, of: ofThis, place: list.indexOf(r), why,
      who: [link(describe.taskName(m.tasks[r.task]), { task: r.task }), ' answered it, on ', link(describe.fdName({ ...r.fd, peer: '' }), { fd: r.fd.index }), '.'],
      took: [`${duration(r.end - r.from)} at most, from when it may have come to the end of the poll that answers.`, sent],
      parts: all.filter((part) => kept.has(part)).map((part) => ({ time: part.from - r.from, text: sentence(m, r, part) })),
      rest: rest.length ? `… and ${count(rest.length, 'shorter stretch', 'shorter stretches')}, ${duration(rest.reduce((sum, part) => sum + part.took, 0))} in sum.` : '',
      spawned: describe.spawned(m, m.tasks[r.task]),
    };
  };

  describe.requestInWords = (m, r) => {
    const it = describe.request(m, r);
    return `${it.title}. ${[...it.why, it.took, it.who].map(describe.plain).join(' ')}`;
  };

  /** How much of a request's time was of each kind. */
  Lens.requestSums = function (m, r) {
    const sums = { unseen: 0, queued: 0, 'at work': 0, waiting: 0 };
    for (const part of parts(m, r)) sums[part.kind] += part.took;
    return sums;
  };

  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
