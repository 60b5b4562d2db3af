// What is said about polls, causes and events, in sentences. A sentence is a list of texts and of links: { text, go }.
'use strict';
(function (Lens) {
  const { K, CAUSE, duration, count } = Lens;

  const taskName = (task) => (task ? `${Lens.visible(task.name || 'task')} #${task.id}` : 'an unknown task');
  const fdName = (fd) => (fd ? `${Lens.SOURCE_KINDS[fd.kind] ?? 'descriptor'} ${fd.fd < 0 ? '?' : fd.fd}${fd.peer ? ` (${Lens.visible(fd.peer)})` : ''}` : 'an unknown descriptor');
  const link = (text, go) => ({ text, go });
  const taskLink = (task) => (task ? link(taskName(task), { task: task.index }) : 'an unknown task');
  const fdLink = (fd) => (fd ? link(fdName(fd), { fd: fd.index }) : 'an unknown descriptor');

  // What a poll did is a list, in which the peer would be said in each line.
  const shortLink = (fd) => (fd ? link(fdName({ ...fd, peer: '' }), { fd: fd.index }) : 'an unknown descriptor');

  const EPOLL = [[1, 'readable'], [4, 'writable'], [2, 'urgent data'], [8, 'an error'], [16, 'closed by both sides'], [0x2000, 'closed by the peer']];
  const readiness = (bits) => EPOLL.filter(([bit]) => bits & bit).map(([, word]) => word).join(', ') || 'nothing known';

  const long = (rt, at) => rt.words[at] + rt.words[at + 1] * 4294967296;
  const idOf = (rt, i) => rt.words[i * 6 + 2] + (rt.words[i * 6 + 3] & 0xffff) * 4294967296;
  const OPERATIONS = { 1: 'read from', 2: 'write to' };
  const RESULTS = ['done', 'done, and nothing is left', 'nothing was there yet', 'it has failed'];
  // What ayi asks of the ring, by the kernel's codes.
  const RING = { 1: 'read into several buffers', 2: 'write from several buffers', 3: 'sync', 18: 'open', 22: 'read', 23: 'write', 35: 'rename', 36: 'unlink', 37: 'make a directory', 38: 'make a symbolic link', 39: 'link' };
  const RESULT_OF_POLL = ['it is not finished, and waits', 'it is finished', 'it has panicked'];
  const ENDS = ['It finished', 'It panicked', 'It was cancelled', 'It went to another worker'];

  /** Why a task was put on the run queue. */
  function cause(m, p) {
    const it = m.causeOf(p), rt = m.rts[m.rtOf[p]];
    const code = (poll) => (poll >= 0 ? [' in ', link('this poll', { poll })] : []);
    switch (it.kind) {
      case CAUSE.TASK: {
        const isSelf = it.task && it.task.index === m.task[p];
        return isSelf ? ['The task has woken itself', ...code(it.poll), '.'] : ['The code of ', taskLink(it.task), ' has woken it', ...code(it.poll), '.'];
      }
      case CAUSE.REPORT: {
        const bits = it.report >= 0 ? rt.words[it.report * 6 + 4] : 0;
        return ['epoll has reported ', fdLink(it.fd), it.report >= 0 ? `: ${readiness(bits)}.` : '.'];
      }
      case CAUSE.TIMER: {
        if (!it.timer) return ['A timer was due.'];
        const late = rt.t[it.timer.fired] - it.timer.deadline;
        return ['A timer was due. It fired ', late >= 0 ? `${duration(late)} late` : 'early', it.poll >= 0 ? '; it was set in ' : '',
          ...(it.poll >= 0 ? [link('this poll', { poll: it.poll })] : []), '.'];
      }
      case CAUSE.MESSAGE: return it.arrived !== undefined ? [`It has come from ${m.otherRuntime(rt, it.arrived)}, and is put into the queue here`, ...(it.poll >= 0 ? ['; there it ran last in ', link('this poll', { poll: it.poll })] : []), '.'] : ['Another thread has woken it, by a message.'];
      case CAUSE.OUTSIDE: return ['Code outside of all tasks has woken it: the future of block_on, a hook, or a drop.'];
      case CAUSE.BUDGET: return ['It had used up its budget in an earlier poll. Others have had their turn since, so it goes on.'];
      case CAUSE.JOINED: return ['It waited for the end of ', taskLink(it.task), ', which has ended', ...code(it.poll), '.'];
      case CAUSE.CALL: return [`Its blocking call #${it.id} is done`, it.call ? `. The call ran for ${duration(it.call.took)} on another thread.` : '.'];
      case CAUSE.RING: return [`Operation ${it.id} of the ring is done.`];
      case CAUSE.END: return ['The runtime ends, so the task is cancelled.'];
      case CAUSE.BEGINS: return ['It has just been spawned', ...(it.task ? [' by ', taskLink(it.task)] : []), ...code(it.poll), '. This is its first poll.'];
      default: return it.event < 0 ? ['The recording does not have the wake: it was overwritten, or the program did not record it.'] : ['Nothing is known about who woke it.'];
    }
  }

  /** One event of a poll: what the task did. */
  function event(m, rt, i) {
    const w = i * 6, { words } = rt, low = words[w + 4];
    switch (words[w] & 255) {
      case K.SPAWNED: return ['spawned ', taskLink(m.taskIn(rt, idOf(rt, i)))];
      case K.WOKEN: {
        const kind = low & 255, task = m.taskIn(rt, idOf(rt, i));
        if (rt.owner[i] >= 0 && task.index === m.task[rt.owner[i]]) return ['woke itself: it wants to run again'];
        return kind === CAUSE.BEGINS ? ['put ', taskLink(task), ' into the queue for its first poll'] : ['woke ', taskLink(task)];
      }
      case K.WAITS: {
        const what = long(rt, w + 2), key = long(rt, w + 4);
        if (what === 1) return ['began to wait for ', shortLink(rt.fdByKey.get(low, words[w + 5]))];
        if (what === 2) return ['began to wait for a timer'];
        if (what === 3) return ['began to wait for the end of ', taskLink(m.taskIn(rt, key))];
        if (what === 4) return [`began to wait for the blocking call #${key}`];
        if (what === 5) return [`began to wait for operation ${key} of the ring`];
        return ['began to wait for a channel or a lock'];
      }
      case K.REGISTERED: return ['put ', shortLink(m.fdAt(rt, i)), ' into epoll'];
      case K.TRIED: return [`tried to ${OPERATIONS[low & 0xffff] ?? 'use'} `, shortLink(m.fdAt(rt, i)), `: ${RESULTS[low >>> 16] ?? 'unknown'}`];
      case K.GIVEN_UP: return ['took ', shortLink(m.fdAt(rt, i)), ' out of epoll'];
      case K.TIMER_SET: return [`set a timer: due ${duration(rt.relative(low, words[w + 5]) - rt.t[i])} later`];
      case K.TIMER_DROPPED: return ['dropped a timer'];
      case K.BUDGET: return ['used up its budget: others come first now'];
      case K.CALL_QUEUED: return [`handed the blocking call #${long(rt, w + 2)} to the pool`];
      case K.SUBMITTED: return [`gave operation ${long(rt, w + 2)} to the ring: ${RING[words[w + 4]] ?? `code ${words[w + 4]} of io_uring`}`];
      default: return [`event of kind ${words[w] & 255}`];
    }
  }

  // That a task is queued when it is spawned need not be said of each.
  const isSaid = (rt) => (i) => (rt.words[i * 6] & 255) !== K.WOKEN || (rt.words[i * 6 + 4] & 255) !== CAUSE.BEGINS;

  function slow(m, p) {
    const said = [], took = m.end[p] - m.start[p], rt = m.rts[m.rtOf[p]];
    if (p === m.slowest) said.push(['This is the slowest poll of the recording.']);
    if (p === m.longest) said.push(['No other poll has waited for longer in the queue.']);
    if (took >= 1e6 || p === m.slowest) {
      const { count: others, sum } = m.behind(p);
      said.push([others ? `It blocked the loop: ${count(others, 'task')} waited behind it, ${duration(sum)} in sum.` : 'No other task was in the queue meanwhile.']);
      // The longest stretch in which the poll has told nothing is where its time went. What has the time of the event before
      // it was told without a reading of the clock, at any moment until the next reading.
      const events = m.during(p).filter(isSaid(rt)).map((i) => rt.t[i]), times = [m.start[p], ...events, m.end[p]];
      let gap = 0, at = 0;
      for (let k = 1; k < times.length; k++) if (times[k] - times[k - 1] > gap) [gap, at] = [times[k] - times[k - 1], k];
      let from = at - 1;
      while (from > 0 && times[from - 1] === times[from]) from--;
      const last = times.length - 1;
      if (gap > took / 2 && (from > 0 || at < last)) {
        const before = at === 1 ? 'the first of the events' : `event ${at}`, after = from === last - 1 ? 'the last of the events' : `event ${from}`;
        const where = from === 0 ? `before ${before} below` : at === last ? `after ${after} below` : `between the events ${from} and ${at} below`;
        said.push([`${duration(gap)} of it went by without an await, ${where}: code that computes or calls something that blocks.`]);
      }
    }
    if (m.wake[p] >= 0 && (m.wait[p] >= 1e6 || p === m.longest)) {
      // Those before it that made up a part of the wait that counts.
      const before = m.ahead(p, 3), longest = before.longest.filter((q) => m.end[q] - m.start[q] >= m.wait[p] / 20);
      if (longest.length) said.push(['It waited so long because of ', ...longest.flatMap((q, k) => [k ? ', ' : '', link(`${taskName(m.tasks[m.task[q]])} (${duration(m.end[q] - m.start[q])})`, { poll: q })]), '.']);
      if (before.sum < m.wait[p] / 2) said.push([`Polls before it took ${duration(before.sum)}. In the rest of the time, ${duration(m.wait[p] - before.sum)}, the loop turned, or its thread had no CPU.`]);
      else if (!longest.length) said.push([`Before it ran ${count(before.count, 'short poll')}, ${duration(before.sum)} in sum.`]);
    }
    return said;
  }

  /** All that the panel says about a poll. */
  function poll(m, p) {
    const task = m.tasks[m.task[p]], rt = m.rts[m.rtOf[p]];
    const it = { title: taskName(task), number: m.position[p] - task.from + 1, of: task.polls, cause: cause(m, p), slow: slow(m, p) };
    if (m.wake[p] < 0) it.queue = ['How long it was in the queue is not known.'];
    else {
      const { count: before } = m.ahead(p, 0);
      if (m.wait[p] < 1) it.queue = ['It did not wait there.'];
      else it.queue = [`It was in the queue for ${duration(m.wait[p])}, ${before ? `behind ${count(before, 'poll')}` : 'with nobody before it'}.`];
    }
    it.took = [`The poll took ${duration(m.end[p] - m.start[p])}. Then ${RESULT_OF_POLL[m.result[p]] ?? 'its state is unknown'}.`];
    let before = m.start[p];
    it.events = m.during(p).filter(isSaid(rt)).map((i) => {
      // `null`: the clock was not read for it.
      const time = rt.t[i] > before ? rt.t[i] - m.start[p] : null;
      before = rt.t[i];
      return { time, text: event(m, rt, i) };
    });
    it.spawned = spawned(m, task);
    return it;
  }

  function spawned(m, task) {
    const said = [];
    const where = task.place ? [' at ', { text: Lens.visible(task.place), code: true }] : [];
    if (task.spawnEvent >= 0) {
      said.push(where.length || task.spawner >= 0 || task.spawnPoll >= 0 ? 'It was spawned' : 'Where it was spawned is not known', ...where, ...(task.spawner >= 0 ? [' by ', taskLink(m.tasks[task.spawner])] : []), ...(task.spawnPoll >= 0 ? [', in ', link('this poll', { poll: task.spawnPoll })] : []), '.');
    } else said.push(where.length ? 'It was spawned before the recording begins,' : 'It was spawned before the recording begins.', ...where, where.length ? '.' : '');
    if (task.moves) said.push(` It has moved between workers${task.moves > 1 ? ` ${task.moves} times` : ''}.`);
    if (task.how >= 0) said.push(` ${ENDS[task.how]} at ${Lens.time(task.ended - m.zero, 1000)}.`);
    return said;
  }

  function taskSummary(m, task) {
    return [`${count(task.polls, 'poll')}, ${duration(task.busy)} at work, ${duration(task.wait)} in the queue.`];
  }

  function fdSummary(m, fd) {
    return [`${count(fd.reports, 'report')} of epoll; ${count(fd.tries, 'attempt')}, of which ${fd.nothing} found nothing and ${fd.failed} failed.`];
  }

  const NODES = ['unknown', '', '', 'timers', 'other threads', 'code outside of tasks', 'the renewed budget', '', 'blocking calls', 'the ring', 'the end of the runtime', 'spawning'];
  /** The name of who wakes, for the wake graph. */
  function waker(m, edge) {
    if (edge.cause === CAUSE.REPORT) return fdName(m.fds[edge.from]);
    if (edge.from >= 0) return edge.cause === CAUSE.JOINED ? `the end of ${taskName(m.tasks[edge.from])}` : edge.cause === CAUSE.BEGINS ? `spawned by ${taskName(m.tasks[edge.from])}` : taskName(m.tasks[edge.from]);
    return NODES[edge.cause] || 'unknown';
  }

  const plain = (said) => said.map((part) => (typeof part === 'string' ? part : part.text)).join('');

  Lens.describe = { cause, event, poll, spawned, taskSummary, fdSummary, taskName, fdName, waker, plain, readiness, idOf, long, OPERATIONS };
  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
