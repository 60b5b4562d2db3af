// Writes recordings in the format of `lens/FORMAT.md`, for tests.
'use strict';
const { Buffer } = require('node:buffer');

const big = (value) => BigInt.asUintN(64, BigInt(value));

function checksum(body) {
  let sum = 0xcbf29ce484222325n;
  const filled = Buffer.concat([body, Buffer.alloc((8 - body.length % 8) % 8)]);
  for (let at = 0; at < filled.length; at += 8) {
    sum = BigInt.asUintN(64, (sum ^ filled.readBigUInt64LE(at)) * 0x100000001b3n);
  }
  return sum;
}

const u32 = (value) => { const b = Buffer.alloc(4); b.writeUInt32LE(Number(value) >>> 0); return b; };
const u64 = (value) => { const b = Buffer.alloc(8); b.writeBigUInt64LE(big(value)); return b; };
const text = (value) => { const b = Buffer.from(value, 'utf8'); return Buffer.concat([u32(b.length), b]); };

const KINDS = { looked: 1, turned: 2, entered: 3, left: 4, spawned: 8, text: 9, woken: 10, polled: 11, ended: 12, arrived: 13,
  waits: 14, registered: 16, reported: 17, tried: 18, givenUp: 19, timerSet: 24, timerFired: 25, timerDropped: 26,
  budget: 32, messages: 33, callQueued: 40, callRan: 41, submitted: 48, completed: 49, end: 56, lost: 60, called: 64 };

const by = {
  unknown: 0n,
  task: (id) => 1n | BigInt(id) << 8n,
  report: (key) => 2n | BigInt.asUintN(56, BigInt(key)) << 8n,
  timer: (key) => 3n | BigInt.asUintN(56, BigInt(key)) << 8n,
  message: 4n,
  outside: 5n,
  budget: 6n,
  joined: (id) => 7n | BigInt(id) << 8n,
  call: (id) => 8n | BigInt(id) << 8n,
  ring: (number) => 9n | BigInt(number) << 8n,
  end: 10n,
  begins: (id = 0) => 11n | BigInt(id) << 8n,
};

/** What one runtime has recorded. */
class Runtime {
  constructor(settings = {}) {
    this.settings = { process: 100, worker: 0, runtime: 1, reason: 0, flags: 0, base: 1_700_000_000_000_000_000n, now: 0, first: 0, begins: 0,
      program: 'test', name: '', thread: 'main', what: '', ...settings };
    this.texts = [];
    this.tasks = [];
    this.sources = [];
    this.buffer = Buffer.alloc(24 * 1024);
    this.count = 0;
    this.now = 0;
  }

  text(value) {
    const at = this.texts.indexOf(value);
    return at >= 0 ? at : this.texts.push(value) - 1;
  }

  // Numbers below 2^53 are written without BigInt, so that a million events take a second.
  #write(at, value) {
    if (typeof value === 'bigint') this.buffer.writeBigUInt64LE(BigInt.asUintN(64, value), at);
    else {
      this.buffer.writeUInt32LE(value % 4294967296 >>> 0, at);
      this.buffer.writeUInt32LE(Math.floor(value / 4294967296) >>> 0, at + 4);
    }
  }

  event(kind, time, a = 0, b = 0) {
    const at = this.count++ * 24;
    if (at + 24 > this.buffer.length) this.buffer = Buffer.concat([this.buffer, Buffer.alloc(this.buffer.length)]);
    const number = typeof kind === 'number' ? kind : KINDS[kind];
    if (typeof time === 'bigint') this.#write(at, BigInt(number) | time << 8n);
    else {
      this.buffer.writeUInt32LE((number + (time % 16777216) * 256) >>> 0, at);
      this.buffer.writeUInt32LE(Math.floor(time / 16777216) >>> 0, at + 4);
    }
    this.#write(at + 8, a);
    this.#write(at + 16, b);
    this.now = time;
    return this;
  }

  /** An id with what stands in the upper 16 bits. */
  static with(id, more) { return BigInt(id) | BigInt(more) << 48n; }

  names(time, name) {
    const bytes = Buffer.from(name, 'utf8');
    for (let at = 0; at < bytes.length; at += 16) {
      const part = Buffer.alloc(16);
      bytes.copy(part, 0, at, Math.min(at + 16, bytes.length));
      this.event('text', time, part.readBigUInt64LE(0), part.readBigUInt64LE(8));
    }
    return this;
  }

  spawned(time, id, { name = '', place = '', cause = by.outside } = {}) {
    this.event('spawned', time, Runtime.with(id, place ? this.text(place) + 1 : 0), cause);
    return this.names(time, name);
  }

  polled(end, id, took, result = 0) { return this.event('polled', end, Runtime.with(id, result), took); }
  ended(time, id, how = 0, worker = 0) { return this.event('ended', time, Runtime.with(id, how), worker); }
  looked(time, took, events, slept = true) { return this.event('looked', time, took, (BigInt(slept ? 1 : 0) << 32n) | BigInt(events)); }

  registered(time, key, fd, kind, peer = '') {
    this.event('registered', time, BigInt(key), BigInt(fd) | BigInt(kind) << 32n);
    return this.names(time, peer);
  }

  /** A system call. `given`: a descriptor, or how many; none: unknown. */
  called(end, thread, call, took, result, given) {
    const a = BigInt(thread) | BigInt(given === undefined ? 0 : given + 1) << 32n | BigInt(call) << 48n;
    return this.event('called', end, a, BigInt(took) | BigInt.asUintN(24, BigInt(result)) << 40n);
  }

  tried(time, key, what, how) { return this.event('tried', time, BigInt(key), what | how << 16); }

  body(from = 0, to = this.count) {
    const s = this.settings;
    const optional = (value) => u32(value === undefined ? 0xffffffff : this.text(value));
    const tasks = this.tasks.map((it) => Buffer.concat([u64(it.id), optional(it.name), optional(it.place), u64(it.since ?? 0), u32(it.state ?? 0), u32(0)]));
    const sources = this.sources.map((it) => Buffer.concat([u64(it.key), u32(it.fd), u32(it.kind), optional(it.peer), u32(it.waiting ?? 0)]));
    return Buffer.concat([
      u32(s.process), u32(s.worker), u64(s.runtime), u32(s.reason), u32(s.flags),
      u64(s.base), u64(s.now || this.now), u64(BigInt(s.first) + BigInt(from)), u64(s.begins),
      text(s.program), text(s.name), text(s.thread), text(s.what),
      u32(this.texts.length), ...this.texts.map(text), u32(tasks.length), ...tasks, u32(sources.length), ...sources,
      u64(to - from), this.buffer.subarray(from * 24, to * 24),
    ]);
  }
}

function section(body, tag = 0x544e5552, sum) {
  // The page's own checksum is the quick one; small sections are written with the slow one, so that tests compare both.
  const right = body.length > 1 << 20 ? quick(body) : checksum(body);
  return Buffer.concat([u32(tag), u32(0), u64(body.length), body, u64(sum ?? right)]);
}

function quick(body) {
  const { lo, hi } = require('../recording.js').checksum(new Uint8Array(body.buffer, body.byteOffset, body.length), 0, body.length);
  return BigInt(hi) << 32n | BigInt(lo);
}

function file(...parts) {
  const sections = parts.map((part) => (part instanceof Runtime ? section(part.body()) : part));
  return new Uint8Array(Buffer.concat([Buffer.from('ayi record\r\n\x1a\n\0\0', 'latin1'), u32(1), u32(0), ...sections]));
}

module.exports = { Runtime, file, section, by, checksum, KINDS };
