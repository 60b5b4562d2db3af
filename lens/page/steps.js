// What the auntie's view says: for each step of a replay a sentence, and the functions of ayi that did it.
'use strict';
(function (Lens) {
  const { K, CAUSE, duration, describe } = Lens;

  // Where the functions are. `tests/lines.js` compares this table with the repository, and `--fix` writes the lines anew.
  Lens.code = {
    park: { file: 'runtime/src/core/turn.rs', line: 169, name: 'Worker::park', fn: 'park' },
    turn: { file: 'runtime/src/core/turn.rs', line: 137, name: 'Worker::turn', fn: 'turn' },
    poll_reactor: { file: 'runtime/src/core/turn.rs', line: 179, name: 'Worker::poll_reactor', fn: 'poll_reactor' },
    run_loop: { file: 'runtime/src/core/turn.rs', line: 67, name: 'Worker::run', fn: 'run' },
    wake_timers: { file: 'runtime/src/core/turn.rs', line: 218, name: 'Worker::wake_timers', fn: 'wake_timers' },
    epoll_wait: { file: 'runtime/src/core/sys.rs', line: 73, name: 'Epoll::wait', fn: 'wait' },
    reactor_turn: { file: 'runtime/src/core/wait/reactor.rs', line: 213, name: 'Reactor::turn', fn: 'turn' },
    report: { file: 'runtime/src/core/wait/reactor.rs', line: 387, name: 'Source::report', fn: 'report' },
    look_or_wait: { file: 'runtime/src/core/wait/reactor.rs', line: 396, name: 'Source::look_or_wait', fn: 'look_or_wait' },
    clear_after_short: { file: 'runtime/src/core/wait/reactor.rs', line: 419, name: 'Source::clear_after_short', fn: 'clear_after_short' },
    clear: { file: 'runtime/src/core/wait/reactor.rs', line: 238, name: 'Reactor::clear', fn: 'clear' },
    register: { file: 'runtime/src/core/wait/reactor.rs', line: 168, name: 'Reactor::register', fn: 'register' },
    deregister: { file: 'runtime/src/core/wait/reactor.rs', line: 197, name: 'Reactor::deregister', fn: 'deregister' },
    store_first: { file: 'runtime/src/core/wait/waiters.rs', line: 248, name: 'Waiters::store_first', fn: 'store_first' },
    waiters_wake: { file: 'runtime/src/core/wait/waiters.rs', line: 152, name: 'Waiters::wake', fn: 'wake' },
    wake_own: { file: 'runtime/src/core/task/slot.rs', line: 211, name: 'wake_own', fn: 'wake_own' },
    schedule: { file: 'runtime/src/core/task/slot.rs', line: 283, name: 'OwnSlot::schedule', fn: 'schedule' },
    put_body: { file: 'runtime/src/core/task/slot.rs', line: 257, name: 'OwnSlot::put_body', fn: 'put_body' },
    wake_remote: { file: 'runtime/src/core/task/slot.rs', line: 166, name: 'Slot::wake_remote', fn: 'wake_remote' },
    push: { file: 'runtime/src/core/task/scheduler.rs', line: 214, name: 'OwnScheduler::push', fn: 'push' },
    pop: { file: 'runtime/src/core/task/scheduler.rs', line: 227, name: 'OwnScheduler::pop', fn: 'pop' },
    read_inbox: { file: 'runtime/src/core/task/scheduler.rs', line: 266, name: 'OwnScheduler::read_inbox', fn: 'read_inbox' },
    spawn: { file: 'runtime/src/core/task/run.rs', line: 44, name: 'OwnScheduler::spawn', fn: 'spawn' },
    run: { file: 'runtime/src/core/task/run.rs', line: 93, name: 'OwnScheduler::run', fn: 'run' },
    settle: { file: 'runtime/src/core/task/run.rs', line: 134, name: 'OwnScheduler::settle', fn: 'settle' },
    fail: { file: 'runtime/src/core/task/run.rs', line: 148, name: 'OwnScheduler::fail', fn: 'fail' },
    cancel: { file: 'runtime/src/core/task/run.rs', line: 157, name: 'OwnScheduler::cancel', fn: 'cancel' },
    publish: { file: 'runtime/src/core/task/run.rs', line: 190, name: 'OwnScheduler::publish', fn: 'publish' },
    coop_enter: { file: 'runtime/src/core/coop.rs', line: 44, name: 'coop::enter', fn: 'enter' },
    wake_exhausted: { file: 'runtime/src/core/coop.rs', line: 86, name: 'coop::wake_exhausted', fn: 'wake_exhausted' },
    put_off: { file: 'runtime/src/core/coop.rs', line: 67, name: 'coop::put_off', fn: 'put_off' },
    io_poll: { file: 'runtime/src/core/wait/registration.rs', line: 121, name: 'Io::poll', fn: 'poll' },
    transfer: { file: 'net/src/socket.rs', line: 291, name: 'Socket::transfer', fn: 'transfer' },
    recv: { file: 'net/src/sys/transfer.rs', line: 48, name: 'recv', fn: 'recv' },
    send: { file: 'net/src/sys/transfer.rs', line: 78, name: 'send', fn: 'send' },
    wheel_insert: { file: 'runtime/src/core/wait/wheel.rs', line: 107, name: 'Wheel::insert', fn: 'insert' },
    wheel_remove: { file: 'runtime/src/core/wait/wheel.rs', line: 126, name: 'Wheel::remove', fn: 'remove' },
    pop_expired: { file: 'runtime/src/core/wait/wheel.rs', line: 152, name: 'Wheel::pop_expired', fn: 'pop_expired' },
    join: { file: 'runtime/src/core/task/join.rs', line: 143, name: 'JoinHandle::poll', fn: 'poll' },
    submit_call: { file: 'runtime/src/services/blocking.rs', line: 209, name: 'Pool::submit', fn: 'submit' },
    work: { file: 'runtime/src/services/blocking.rs', line: 263, name: 'Pool::work', fn: 'work' },
    ring_submit: { file: 'runtime/src/services/proactor.rs', line: 168, name: 'Proactor::submit', fn: 'submit' },
    reap: { file: 'runtime/src/services/proactor.rs', line: 281, name: 'Proactor::reap', fn: 'reap' },
    block_on: { file: 'runtime/src/face/block_on.rs', line: 32, name: 'Worker::block_on', fn: 'block_on' },
  };

  const student = (task) => (task ? `${Lens.visible(task.name || 'task')} #${task.id}` : 'a task');
  const tap = (fd) => `tap ${fd && fd.fd >= 0 ? fd.fd : '?'}`;
  const nth = (number) => `${number.toLocaleString('en')}${number % 100 > 10 && number % 100 < 14 ? 'th' : ['th', 'st', 'nd', 'rd'][number % 10] ?? 'th'}`;
  // A read is step 7 of a byte's journey, and `recv` or `send` is what asks the kernel.
  const isSocket = (fd) => fd && fd.kind >= 1 && fd.kind <= 6;

  // What a wake does, by its cause: a sentence without its end, and the functions.
  const CALLS = {
    [CAUSE.REPORT]: (task) => [`The auntie calls ${task}. The waker is the address of the task's slot, and the slot is of this thread: nothing is counted, nothing is locked.`, ['waiters_wake', 'wake_own']],
    [CAUSE.TIMER]: (task) => [`The time of ${task} is up, so the auntie calls.`, ['wake_timers', 'wake_own']],
    [CAUSE.MESSAGE]: (task) => [`In the letter box is a wake for ${task}, from another thread. The auntie calls.`, ['read_inbox', 'wake_own']],
    [CAUSE.BUDGET]: (task) => [`${task} had used up its budget. Others have had their turn, so the auntie calls it again.`, ['wake_exhausted']],
    [CAUSE.TASK]: (task, by) => [by && student(by) === task ? `${task} calls itself: it wants to come again, behind the others.` : `${by ? student(by) : 'Another task'} calls ${task}.`, ['wake_own']],
    [CAUSE.JOINED]: (task, by) => [`${task} has waited for the end of ${by ? student(by) : 'a task'}, and is called.`, ['publish', 'wake_own']],
    [CAUSE.CALL]: (task) => [`The blocking call of ${task} is done, so the auntie calls.`, ['read_inbox', 'wake_own']],
    [CAUSE.RING]: (task) => [`The kernel has completed an operation for ${task}, so the auntie calls.`, ['reap', 'wake_own']],
    [CAUSE.END]: (task) => [`The runtime ends, so ${task} is called to be cancelled.`, ['cancel']],
    [CAUSE.OUTSIDE]: (task) => [`Code outside of all tasks calls ${task}.`, ['wake_own']],
  };

  /** What step `k` of a replay says: { kind, sentence, code, time }. */
  Lens.tell = function (replay, k) {
    const { m, rt } = replay, kind = replay.kind[k], at = replay.ref[k];
    const say = (sentence, code, time) => ({ kind: Lens.STEP_NAMES[kind], sentence, code, time });
    const S = Lens.STEP;
    if (kind === S.COMES || kind === S.RUNS) {
      const task = m.tasks[m.task[at]], name = student(task);
      if (kind === S.COMES) {
        const waited = m.wake[at] >= 0 && m.wait[at] >= 1 ? ` It has been in the queue for ${duration(m.wait[at])}.` : '';
        return say(`${name} is the first in the queue, and comes to the table.${waited}`, ['run_loop', 'pop'], m.start[at]);
      }
      const how = m.position[at] === task.from && task.spawnEvent >= 0 ? 'Its code runs for the first time.' : 'Its code goes on where it stopped: at the .await.';
      return say(`The loop takes the body of ${name} out of its slot, gives it its number and a budget, and polls its future. ${how}`, ['run', 'coop_enter'], m.start[at]);
    }
    const { words, t } = rt, w = at * 6, time = t[at], low = words[w + 4], long = describe.long;
    const task = () => m.taskIn(rt, describe.idOf(rt, at));
    const here = () => (rt.owner[at] >= 0 ? student(m.tasks[m.task[rt.owner[at]]]) : 'The code that runs');
    const fd = () => m.fdAt(rt, at);
    const other = (number) => m.otherRuntime(rt, number);
    switch (kind) {
      case S.SLEEPS: return say('Nobody is in the queue, so the auntie goes to sleep: the loop calls epoll_wait, and the kernel watches all taps for her.', ['park', 'epoll_wait'], time - long(rt, w + 2));
      case S.WAKES: return say(low ? `After ${duration(long(rt, w + 2))} the kernel wakes her: ${low === 1 ? 'one tap has news' : `${low} taps have news`}.`
        : `After ${duration(long(rt, w + 2))} she wakes, and no tap has news: a timer is due, or another thread has rung the bell.`, ['epoll_wait'], time);
      case S.LOOKS: return say(`Somebody is still to be served, so the auntie only looks at the taps in passing, without sleeping: ${low === 1 ? 'one has' : `${low || 'none'} ${low ? 'have' : 'has'}`} news.`, ['poll_reactor', 'epoll_wait'], time);
      case S.FOUND: return say(`The kernel names ${tap(fd())}${fd() ? `, ${describe.fdName(fd())}` : ''}. What it hands over is the address of the source, so the auntie need not search for the tap.`, ['reactor_turn'], time);
      case S.NOTED: return say(`She notes at the tap what the kernel has said: ${describe.readiness(low)}. Then she takes the waker of the student who waits there.`, ['report'], time);
      case S.CALLED: {
        const cause = low & 255, id = Lens.causeWhich(words, w);
        const by = cause === CAUSE.TASK || cause === CAUSE.JOINED ? m.taskIn(rt, id) : null;
        const tell = CALLS[cause] ?? ((name) => [`${name} is called.`, ['wake_own']]);
        const [sentence, code] = tell(student(task()), by);
        return say(sentence, code, time);
      }
      case S.QUEUED: {
        const place = replay.queued[k] + 1;
        return say(`${student(task())} goes to the end of the queue: ${place === 1 ? 'it is the first' : `it is the ${nth(place)}`}. The queue is a list through the slots, so that takes two writes.`, ['schedule', 'push'], time);
      }
      case S.TURNED: return say(`Her round is over: she has seen to taps, timers, and letters of other threads. ${replay.queued[k] ? 'Now those in the queue have their turn.' : 'Nobody is in the queue.'}`, ['turn'], time);
      case S.TRIES: {
        const what = describe.OPERATIONS[low & 0xffff] ?? 'use';
        return say(`${here()} wants to ${what} ${tap(fd())}. The tap is not known to be dry, so it tries at once, and does not ask epoll.`, isSocket(fd()) ? ['transfer', 'io_poll'] : ['io_poll'], time);
      }
      case S.RESULT: {
        const how = low >>> 16, isWrite = (low & 0xffff) === 2, call = isSocket(fd()) ? [isWrite ? 'send' : 'recv'] : ['io_poll'];
        if (how === 0) return say(isWrite ? 'The kernel has taken all of it.' : 'The kernel gives what is there.', call, time);
        if (how === 1) return say(`The kernel ${isWrite ? 'has taken less than was offered' : 'gives less than there was room for'}, so nothing is left. The note at ${tap(fd())} is wiped off: the next attempt waits at once, without a system call.`, [...call, 'clear_after_short'], time);
        if (how === 2) return say(`Nothing is there: the kernel says WouldBlock. From now on ${tap(fd())} counts as quiet.`, [...call, 'clear'], time);
        return say('It has failed. The task gets the error.', call, time);
      }
      case S.WAITS: {
        const what = long(rt, w + 2), key = long(rt, w + 4), name = here();
        if (what === 1) {
          const source = rt.fdByKey.get(low, words[w + 5]);
          return say(`Nothing is known to be at ${tap(source)}, so ${name} leaves its waker there: call me when it runs.`, ['look_or_wait', 'store_first'], time);
        }
        if (what === 2) return say(`${name} waits until its time is up.`, ['wheel_insert'], time);
        if (what === 3) return say(`${name} waits for the end of ${student(m.taskIn(rt, key))}, and leaves its waker in that one's slot.`, ['join'], time);
        if (what === 4) return say(`${name} waits for its blocking call, which runs on another thread.`, ['submit_call'], time);
        if (what === 5) return say(`${name} waits for an operation of the kernel's ring.`, ['ring_submit'], time);
        return say(`${name} waits for another task: at a channel or a lock.`, ['put_body'], time);
      }
      case S.OVER: {
        const p = rt.owner[at], took = duration(m.end[p] - m.start[p]), name = student(task()), result = m.result[p];
        if (result === 1) return say(`${name} is finished. Its last poll took ${took}.`, ['settle', 'publish'], time);
        if (result === 2) return say(`${name} has panicked after ${took}. The panic ends this task alone.`, ['settle', 'fail'], time);
        return say(`${name} is not finished: after ${took} its body goes back into the slot, and it sleeps until somebody calls.`, ['settle', 'put_body'], time);
      }
      case S.SPAWNED: {
        const by = (low & 255) === CAUSE.TASK ? student(m.taskIn(rt, Lens.causeWhich(words, w))) : 'The code that runs';
        return say(`${by} brings a new student: ${student(task())}${task().place ? `, spawned at ${Lens.visible(task().place)}` : ''}.`, ['spawn'], time);
      }
      case S.ENDED: {
        const how = words[w + 3] >>> 16;
        return say(how === 3 ? `${student(task())} goes to ${other(low)}, which has more time.` : `${student(task())} is gone. ${['Whoever has its JoinHandle can have the output now.', 'Whoever joins it learns of the panic.', 'It was cancelled.'][how] ?? ''}`, how === 2 ? ['cancel'] : how === 3 ? [] : ['publish'], time);
      }
      case S.ARRIVED: return say(`${task() ? student(task()) : 'A student'} has come from ${other(low)}.`, ['read_inbox'], time);
      case S.REGISTERED: return say(`${here()} shows the auntie a new tap: ${describe.fdName(fd())}. From now on epoll watches it.`, ['register'], time);
      case S.GIVEN_UP: return say(`${tap(fd())[0].toUpperCase()}${tap(fd()).slice(1)} is taken away: it leaves epoll.`, ['deregister'], time);
      case S.TIMER_SET: return say(`${here()} sets a timer, due ${duration(rt.relative(low, words[w + 5]) - time)} later. The auntie sleeps no longer than that.`, ['wheel_insert'], time);
      case S.FIRED: return say(`A timer is due${time >= rt.relative(low, words[w + 5]) ? `, and ${duration(time - rt.relative(low, words[w + 5]))} late` : ''}.`, ['wake_timers', 'pop_expired'], time);
      case S.DROPPED: return say(`${here()} no longer waits for its timer.`, ['wheel_remove'], time);
      case S.BUDGET: return say(`${student(task())} has used up its budget. It goes on when others have had their turn.`, ['put_off'], time);
      case S.MESSAGES: return say(`The auntie empties the letter box: ${Lens.count(long(rt, w + 2), 'message')} of other threads.`, ['read_inbox'], time);
      case S.CALL: return say(`A blocking call goes to the pool: it would hold up everybody at the table.`, ['submit_call'], time);
      case S.RAN: return say(`A blocking call is over. It took ${duration(long(rt, w + 4))} on a thread of the pool.`, ['work'], time);
      case S.SUBMITTED: return say(`${here()} gives the kernel's ring an operation.`, ['ring_submit'], time);
      case S.COMPLETED: return say('The kernel has completed an operation of the ring.', ['reap'], time);
      case S.ENTERED: return say('The auntie comes to work: a thread has entered the runtime.', ['block_on'], time);
      case S.LEFT: return say('The auntie goes home: the thread has left the runtime.', ['block_on'], time);
      case S.END: return say(['The runtime begins to end.', 'All students are sent home.', 'The runtime is over.'][long(rt, w + 2)] ?? 'The runtime ends.', ['cancel'], time);
      default: return say(`${long(rt, w + 2)} events are missing here: a burst has overwritten them.`, [], time);
    }
  };

  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
