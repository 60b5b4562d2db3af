// Gathers the sections that a program sends while it runs: each event once, the newest of all. What the dropped events have
// said of tasks that are still there and of descriptors that are open is kept, as in `runtime/src/watch/record/kept.rs`.
'use strict';
(function (Lens) {
  const { K } = Lens;
  // A model of so many takes a browser a second.
  const MOST = 2_000_000;

  const idOf = (words, w) => words[w + 2] + (words[w + 3] & 0xffff) * 4294967296;
  const timeOf = (words, w) => (BigInt(words[w + 1]) << 24n) + BigInt(words[w] >>> 8);

  class Kept {
    constructor() {
      this.tasks = new Map();
      this.sources = new Map();
    }

    /** Takes over a section that is about to be dropped. */
    takeOver({ tasks, sources, texts, words }) {
      for (const task of tasks) this.tasks.set(task.id, task);
      for (const source of sources) this.sources.set(`${source.hi}:${source.lo}`, source);
      let named = null, bytes = [];
      const name = () => {
        if (named) named.it[named.field] = new TextDecoder().decode(Uint8Array.from(bytes)).replace(/\0+$/, '');
        [named, bytes] = [null, []];
      };
      for (let w = 0; w < words.length; w += 6) {
        const kind = words[w] & 255, lo = words[w + 2], hi = words[w + 3];
        if (kind === K.TEXT) {
          if (named) for (let k = 2; k < 6; k++) for (let shift = 0; shift < 32; shift += 8) bytes.push(words[w + k] >>> shift & 255);
          continue;
        }
        if (named) name();
        if (kind === K.SPAWNED || kind === K.ARRIVED) {
          const task = { id: idOf(words, w), name: '', place: texts[(hi >>> 16) - 1] ?? '', since: timeOf(words, w), state: 0 };
          this.tasks.set(task.id, task);
          named = { it: task, field: 'name' };
        } else if (kind === K.ENDED) this.tasks.delete(idOf(words, w));
        else if (kind === K.REGISTERED) {
          const source = { lo, hi, fd: words[w + 4] | 0, kind: words[w + 5] & 255, peer: '', waiting: 0 };
          this.sources.set(`${hi}:${lo}`, source);
          named = { it: source, field: 'peer' };
        } else if (kind === K.GIVEN_UP) this.sources.delete(`${hi}:${lo}`);
      }
      name();
    }
  }

  class Gathering {
    constructor(most = MOST) {
      this.most = most;
      this.clear();
    }

    clear() {
      Object.assign(this, { runtimes: new Map(), events: 0, run: undefined, origin: undefined, problems: [] });
    }

    /** Takes sections, one behind the other, without the header of a file. */
    add(bytes) {
      this.problems = [];
      for (const section of Lens.readSections(bytes, this.problems, 0)) this.take(section);
      while (this.events > this.most && this.drop());
    }

    take(section) {
      // A program that was started anew may be at the same address.
      const run = `${section.process}:${section.base}`;
      if (this.run !== undefined && run !== this.run) this.clear();
      this.run = run;
      const key = section.runtime;
      if (!this.runtimes.has(key)) this.runtimes.set(key, { sections: [], next: section.first, kept: new Kept() });
      const it = this.runtimes.get(key), isNew = !it.head, known = it.next - section.first;
      it.head = { ...section, first: it.next, words: new Uint32Array(0), tasks: [], sources: [] };
      // After a break of the connection all comes again. What is there tells of what comes before it.
      const words = known > 0 ? section.words.slice(known * 6) : section.words;
      const isGap = known < 0;
      if (!words.length && !(isNew && section.tasks.length + section.sources.length)) return;
      const lists = isNew || isGap ? {} : { tasks: [], sources: [] };
      it.sections.push({ ...section, ...lists, first: Math.max(section.first, it.next), words });
      it.next = Math.max(it.next, section.first) + words.length / 6;
      it.head.first = it.next;
      this.events += words.length / 6;
    }

    // Drops the oldest section of all, but no runtime's newest. Returns whether there was one.
    drop() {
      let oldest = null;
      for (const it of this.runtimes.values()) {
        const isOver = it.head.reason === 0;
        if (it.sections.length > (isOver ? 0 : 1) && (!oldest || it.sections[0].now < oldest.sections[0].now)) oldest = it;
      }
      if (!oldest) return false;
      const section = oldest.sections.shift();
      oldest.kept.takeOver(section);
      this.events -= section.words.length / 6;
      if (!oldest.sections.length) this.runtimes.delete(oldest.head.runtime);
      return true;
    }

    /** What is there, as if it had been read from a file. Times count from the first that ever came. */
    recording() {
      const groups = [...this.runtimes.values()].map(({ sections, kept, head }) => {
        const before = { ...head, now: -1n, first: sections[0]?.first ?? head.first, tasks: [...kept.tasks.values()], sources: [...kept.sources.values()] };
        return [before, ...sections, head];
      });
      const recording = Lens.assemble(groups, [...this.problems], this.origin);
      this.origin = recording.origin;
      // That the oldest events go is no problem here. That some could not be sent in time is one.
      recording.problems = recording.problems.filter((problem) => problem.kind !== 'overflow');
      for (const rt of recording.runtimes) {
        // Without a number, which would be another one each time that it is told.
        if (rt.missing) recording.problems.push({ kind: 'overflow', text: `Some events of ${rt.label} were overwritten before they could be sent. A larger ring helps: AYI_RECORD_MIB.` });
      }
      return recording;
    }
  }

  Lens.Gathering = Gathering;
  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
