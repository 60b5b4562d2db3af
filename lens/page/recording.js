// Reads a recording: the format of `lens/FORMAT.md`. The reader is tolerant: it tells what is damaged, skips it, and reads
// on. It throws no exception, whatever the bytes are.
'use strict';
(function (Lens) {
  const MAGIC = [...'ayi record\r\n\x1a\n\0\0'].map((letter) => letter.charCodeAt(0));
  const RUNT = 0x544e5552;
  const NO_TEXT = 0xffffffff;

  const K = Lens.K = {
    LOOKED: 1, TURNED: 2, ENTERED: 3, LEFT: 4, SPAWNED: 8, TEXT: 9, WOKEN: 10, POLLED: 11, ENDED: 12, ARRIVED: 13,
    WAITS: 14, REGISTERED: 16, REPORTED: 17, TRIED: 18, GIVEN_UP: 19, TIMER_SET: 24, TIMER_FIRED: 25, TIMER_DROPPED: 26,
    BUDGET: 32, MESSAGES: 33, CALL_QUEUED: 40, CALL_RAN: 41, SUBMITTED: 48, COMPLETED: 49, END: 56, LOST: 60, CALLED: 64,
  };
  const KNOWN = new Uint8Array(256);
  for (const kind of Object.values(K)) KNOWN[kind] = 1;

  Lens.CAUSE = {
    UNKNOWN: 0, TASK: 1, REPORT: 2, TIMER: 3, MESSAGE: 4, OUTSIDE: 5, BUDGET: 6, JOINED: 7, CALL: 8, RING: 9, END: 10,
    BEGINS: 11,
  };
  Lens.SOURCE_KINDS = ['descriptor', 'TCP stream', 'TCP listener', 'UDP socket', 'Unix stream', 'Unix listener',
    'Unix datagram socket', 'pipe', 'eventfd', 'timerfd', 'signalfd', 'pidfd', 'descriptor'];
  /** Whether what stands in the place of a runtime is what was done to the others. */
  Lens.areFaults = (rt) => (rt.flags & 4) !== 0;
  /** Whether it ran on a host of a simulation. */
  Lens.isSimulated = (rt) => (rt.flags & 8) !== 0;
  Lens.REASONS = ['the runtime has ended', 'a panic', 'it was asked for', 'a signal', 'a poll was too slow'];

  // FNV-1a of 64 bits over the words of the body, in halves of 32 bits: BigInt would take a minute for a million events.
  // The prime is 2^40 + 435.
  Lens.checksum = function (bytes, from, to) {
    let lo = 0x84222325, hi = 0xcbf29ce4;
    const data = new DataView(bytes.buffer, bytes.byteOffset);
    const step = (wordLo, wordHi) => {
      lo = (lo ^ wordLo) >>> 0;
      hi = (hi ^ wordHi) >>> 0;
      const low = lo * 435;
      hi = (hi * 435 + Math.floor(low / 4294967296) + ((lo << 8) >>> 0)) % 4294967296;
      lo = low % 4294967296;
    };
    let at = from;
    for (; at + 8 <= to; at += 8) step(data.getUint32(at, true), data.getUint32(at + 4, true));
    if (at < to) {
      const last = new Uint8Array(8);
      last.set(bytes.subarray(at, to));
      const rest = new DataView(last.buffer);
      step(rest.getUint32(0, true), rest.getUint32(4, true));
    }
    return { lo, hi };
  };

  Lens.readSections = readSections;

  const decoder = new TextDecoder('utf-8');

  class Cursor {
    constructor(bytes, at, end) {
      this.bytes = bytes;
      this.data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.at = at;
      this.end = end;
    }
    need(count) {
      if (!(count >= 0) || this.at + count > this.end) throw new RangeError('the body is too short');
      const at = this.at;
      this.at += count;
      return at;
    }
    u32() { return this.data.getUint32(this.need(4), true); }
    u64() { return this.data.getBigUint64(this.need(8), true); }
    number() { return Number(this.u64()); }
    text() {
      const length = this.u32();
      const at = this.need(length);
      return decoder.decode(this.bytes.subarray(at, at + length));
    }
    list(count, smallest, read) {
      if (count * smallest > this.end - this.at) throw new RangeError('the list is longer than the body');
      const list = [];
      for (let i = 0; i < count; i++) list.push(read());
      return list;
    }
  }

  function readRuntime(bytes, from, to) {
    const c = new Cursor(bytes, from, to);
    const it = {
      process: c.u32(), worker: c.u32(), runtime: c.u64().toString(), reason: c.u32(), flags: c.u32(),
      base: c.u64(), now: c.u64(), first: c.number(), begins: c.u64(),
      program: c.text(), name: c.text(), thread: c.text(), what: c.text(),
    };
    it.texts = c.list(c.u32(), 4, () => c.text());
    const text = (index) => (index === NO_TEXT ? '' : it.texts[index] ?? '');
    it.tasks = c.list(c.u32(), 32, () => {
      const task = { id: c.number(), name: text(c.u32()), place: text(c.u32()), since: c.u64(), state: c.u32() };
      c.u32();
      return task;
    });
    it.sources = c.list(c.u32(), 24, () => {
      const lo = c.u32();
      return { lo, hi: c.u32(), fd: c.u32() | 0, kind: c.u32(), peer: text(c.u32()), waiting: c.u32() };
    });
    const events = c.number();
    const at = c.need(events * 24);
    // A copy, since the events may begin at any byte, and an array of words cannot.
    it.words = new Uint32Array(bytes.slice(at, at + events * 24).buffer);
    return it;
  }

  // Finds the next section after a damaged head: one with the tag of a runtime and a checksum that is right.
  function findSection(bytes, from) {
    const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = from; at + 24 <= bytes.length; at++) {
      if (bytes[at] !== 0x52 || data.getUint32(at, true) !== RUNT || data.getUint32(at + 4, true) !== 0) continue;
      const length = Number(data.getBigUint64(at + 8, true));
      if (at + 16 + length + 8 > bytes.length) continue;
      if (isWhole(bytes, data, at + 16, length)) return at;
    }
    return -1;
  }

  function isWhole(bytes, data, from, length) {
    const sum = Lens.checksum(bytes, from, from + length);
    return data.getUint32(from + length, true) === sum.lo && data.getUint32(from + length + 4, true) === sum.hi;
  }

  /** Reads the sections from a place on, and tells what is damaged. */
  function readSections(bytes, problems, from) {
    const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const sections = [];
    let damaged = 0, unknown = 0, at = from;
    while (at < bytes.length) {
      const rest = bytes.length - at;
      const length = rest >= 16 ? Number(data.getBigUint64(at + 8, true)) : 0;
      if (rest < 24 || length > rest - 24) {
        // Either the file is cut here, or the head is damaged and whole sections follow.
        const next = findSection(bytes, at + 1);
        if (next < 0) {
          const before = sections.length === 1 ? 'The section before it is' : `The ${sections.length} sections before it are`;
          problems.push({ kind: 'cut', text: 'The file ends within a section: the program was killed while it wrote, or the file was cut. '
            + (sections.length ? `${before} shown.` : 'No section before it is whole.') });
          break;
        }
        damaged++;
        at = next;
        continue;
      }
      const body = at + 16;
      if (!isWhole(bytes, data, body, length)) {
        damaged++;
        // The length itself may be what is damaged.
        const next = findSection(bytes, at + 1);
        at = next >= 0 && next < body + length + 8 ? next : body + length + 8;
        continue;
      }
      if (data.getUint32(at, true) === RUNT) {
        try {
          sections.push(readRuntime(bytes, body, body + length));
        } catch {
          damaged++;
        }
      } else {
        unknown++;
      }
      at = body + length + 8;
    }
    if (damaged) {
      problems.push({ kind: 'damaged', text: damaged === 1 ? 'One section is damaged. It is left out.'
        : `${damaged} sections are damaged. They are left out.` });
    }
    if (unknown) {
      problems.push({ kind: 'unknown', text: `${unknown === 1 ? 'One section is' : `${unknown} sections are`} of a kind that this page does not know. A newer version may show more.` });
    }
    return sections;
  }

  // Puts the sections of one runtime together. Each event is kept once.
  function join(sections, problems) {
    sections.sort((a, b) => a.first - b.first || (a.now < b.now ? -1 : 1));
    const segments = [], gaps = [];
    let next = sections[0].first, count = 0, missing = 0;
    for (const section of sections) {
      const events = section.words.length / 6;
      const skip = Math.max(0, next - section.first);
      if (skip >= events) continue;
      if (section.first > next) {
        missing += section.first - next;
        gaps.push(count);
      }
      segments.push({ start: count, first: section.first + skip, texts: section.texts, words: section.words.subarray(skip * 6) });
      count += events - skip;
      next = section.first + events;
    }
    const last = sections.reduce((a, b) => (b.now >= a.now ? b : a));
    const words = segments.length === 1 ? segments[0].words : new Uint32Array(count * 6);
    for (const segment of segments) {
      if (segments.length > 1) words.set(segment.words, segment.start * 6);
      delete segment.words;
    }
    if (!segments.length) segments.push({ start: 0, first: next, texts: last.texts });
    // A section that has no event of its own still knows names.
    const lists = sections.map(({ tasks, sources }) => ({ tasks, sources }));
    const rt = { ...last, lists, words, n: count, segments, gaps, overwritten: sections[0].first, missing };
    rt.label = label(rt);
    if (rt.overwritten) {
      problems.push({ kind: 'overflow', text: `The first ${rt.overwritten.toLocaleString('en')} events of ${rt.label} are gone: newer ones have overwritten them.` });
    }
    if (missing) {
      problems.push({ kind: 'overflow', text: `${missing.toLocaleString('en')} events of ${rt.label} are missing between two sections.` });
    }
    return rt;
  }

  function label(rt) {
    const name = rt.name || (rt.flags & 1 ? `worker ${rt.worker}` : `runtime ${rt.runtime}`);
    return rt.name && rt.flags & 1 ? `${name}, worker ${rt.worker}` : name;
  }

  // Times become numbers since the first event of all, or since `origin`. 56 bits do not fit into a number: the difference
  // does.
  function setTimes(runtimes, given) {
    let origin = null;
    const bases = new Map();
    for (const rt of runtimes) {
      if (!bases.has(rt.process)) bases.set(rt.process, rt.base);
      rt.base = bases.get(rt.process);
      const first = rt.n ? (BigInt(rt.words[1]) << 24n) + BigInt(rt.words[0] >>> 8) : rt.begins;
      if (origin === null || rt.base + first < origin) origin = rt.base + first;
    }
    origin = given ?? origin;
    for (const rt of runtimes) {
      const zero = origin - rt.base;
      // `zero` may be negative, if the processes have begun at different times.
      const high = Number(zero >> 24n), low = Number(zero & 0xffffffn);
      const high32 = Number(zero >> 32n), low32 = Number(zero & 0xffffffffn);
      rt.relative = (lo, hi) => (hi - high32) * 4294967296 + (lo - low32);
      rt.relativeBig = (time) => Number(time - zero);
      rt.t = new Float64Array(rt.n);
      const { words, t } = rt;
      let last = -Infinity, back = 0, unknown = 0, lost = 0;
      for (let i = 0, w = 0; i < rt.n; i++, w += 6) {
        const kind = words[w] & 255;
        let time = (words[w + 1] - high) * 16777216 + ((words[w] >>> 8) - low);
        if (!KNOWN[kind]) unknown++;
        if (kind === K.LOST) lost += words[w + 2] + words[w + 3] * 4294967296;
        if (time < last) {
          if (kind !== K.CALL_RAN) back++;
          time = last;
        }
        t[i] = last = time;
      }
      Object.assign(rt, { back, unknown, lost });
    }
    return origin ?? 0n;
  }

  /** Reads a file. Returns its runtimes, and what is wrong with it in words. */
  Lens.parse = function (bytes) {
    const problems = [];
    if (bytes.length < 24 || MAGIC.some((byte, at) => bytes[at] !== byte)) {
      problems.push({ kind: 'foreign', text: bytes.length === 0 ? 'The file is empty.' : 'This is not a recording of ayi, or its beginning is damaged.' });
      if (bytes.length < 24) return { runtimes: [], problems, origin: 0n };
    } else {
      const version = new DataView(bytes.buffer, bytes.byteOffset).getUint32(16, true);
      if (version !== 1) {
        problems.push({ kind: 'version', text: `The file has version ${version} of the format. This page knows version 1, and shows what it understands.` });
      }
    }
    const groups = new Map();
    for (const section of readSections(bytes, problems, 24)) {
      const key = `${section.process}:${section.runtime}`;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(section);
    }
    const recording = Lens.assemble([...groups.values()], problems);
    if (!recording.runtimes.length && !problems.length) problems.push({ kind: 'empty', text: 'There is no runtime in the file.' });
    return recording;
  };

  /** Makes a recording of sections, a list for each runtime. Times count from `origin`, or from the first event. */
  Lens.assemble = function (groups, problems, origin) {
    const recording = { runtimes: groups.map((sections) => join(sections, problems)), problems };
    recording.runtimes.sort((a, b) => a.process - b.process || a.worker - b.worker || Number(a.runtime) - Number(b.runtime));
    if (recording.runtimes.some((rt) => rt.process !== recording.runtimes[0].process)) for (const rt of recording.runtimes) rt.label += ` of process ${rt.process}`;
    // Two runtimes may have workers of the same name.
    const named = new Map();
    for (const rt of recording.runtimes) named.set(rt.label, (named.get(rt.label) ?? 0) + 1);
    for (const rt of recording.runtimes) if (named.get(rt.label) > 1) rt.label += ` (runtime ${rt.runtime})`;
    recording.origin = setTimes(recording.runtimes, origin);
    for (const rt of recording.runtimes) {
      const say = (kind, text) => problems.push({ kind, text });
      if (rt.lost) say('overflow', `${rt.lost.toLocaleString('en')} events of ${rt.label} were lost in a burst.`);
      if (rt.back) say('clock', `The clock of ${rt.label} has gone back ${rt.back === 1 ? 'once' : `${rt.back} times`}. Those times are not exact.`);
      if (rt.unknown) say('unknown', `${rt.unknown === 1 ? 'One event' : `${rt.unknown.toLocaleString('en')} events`} of ${rt.label} ${rt.unknown === 1 ? 'is' : 'are'} of a kind that this page does not know.`);
      if (rt.flags & 2) say('clock', `The times of ${rt.label} are those of the system's clock, not of the processor's: each event costs more, so short polls look longer.`);
      if (rt.reason === 1 || rt.reason === 3 || rt.reason === 4) {
        say('reason', `${rt.label} was recorded because of ${['', 'a panic', '', 'a signal', 'a poll that was too slow'][rt.reason]}${rt.what ? `: ${rt.what}` : '.'}`);
      }
    }
    return recording;
  };

  /** Decodes base64, quickly where the browser can. */
  Lens.fromBase64 = function (text) {
    // What is no letter of base64 is left out: the checksums say whether something is missing.
    const letters = text.replace(/[^A-Za-z0-9+/]+/g, ''), clean = letters.length % 4 === 1 ? letters.slice(0, -1) : letters;
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(clean);
    const binary = atob(clean);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  };

  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
