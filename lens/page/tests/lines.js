// Compares the table of functions in `steps.js` with the repository. With `--fix` it writes the lines anew.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const Lens = require('../recording.js');
for (const part of ['text', 'model', 'graph', 'describe', 'calls', 'replay', 'steps']) require(`../${part}.js`);

const ROOT = path.join(__dirname, '../../..');

/** The lines at which a function of this name stands, in the `impl` of its type if it has one. */
function linesOf({ file, name, fn }) {
  const type = name.includes('::') ? name.split('::')[0] : '', isType = /^[A-Z]/.test(type), found = [];
  let block = '';
  fs.readFileSync(path.join(ROOT, file), 'utf8').split('\n').forEach((line, at) => {
    if (line.startsWith('impl')) block = line;
    else if (line.startsWith('}')) block = '';
    if (!new RegExp(`\\bfn ${fn}\\b`).test(line)) return;
    if (isType ? new RegExp(`\\b${type}\\b`).test(block) : block === '') found.push(at + 1);
  });
  return found;
}

/** What is wrong with the table. */
function wrong() {
  const complaints = [];
  for (const [key, entry] of Object.entries(Lens.code)) {
    const lines = linesOf(entry);
    if (lines.length !== 1) complaints.push(`${key}: ${entry.file} has ${lines.length} functions ${entry.name}`);
    else if (lines[0] !== entry.line) complaints.push(`${key}: ${entry.name} is at ${entry.file}:${lines[0]}, and not at ${entry.line}`);
  }
  return complaints;
}

function fix() {
  const file = path.join(__dirname, '../steps.js');
  let text = fs.readFileSync(file, 'utf8');
  for (const [key, entry] of Object.entries(Lens.code)) {
    const [line] = linesOf(entry);
    if (line) text = text.replace(new RegExp(`(    ${key}: \\{ file: '[^']*', line: )\\d+`), `$1${line}`);
  }
  fs.writeFileSync(file, text);
}

module.exports = { wrong, linesOf };
if (require.main === module) {
  if (process.argv.includes('--fix')) fix();
  else {
    wrong().forEach((complaint) => console.log(complaint));
    process.exitCode = wrong().length ? 1 : 0;
  }
}
