// SPDX-License-Identifier: BSD-2-Clause
// A command of yosys' WebAssembly build: reads the files named on its command line, runs a script, writes what it made.
//   slang [-o OUTPUT]... -p SCRIPT FILE...
// Inside, sources have their paths with '/' turned into '_', other files (memory contents) their names; %f in the script
// is the list of sources.
import { runYosys, Exit } from '@yowasp/yosys';
import { readFileSync, writeFileSync } from 'node:fs';

let script = null;
const outputs = [], inputs = [];
const args = process.argv.slice(2);
while (args.length) {
  const a = args.shift();
  if (a === '-p') script = args.shift();
  else if (a === '-o') outputs.push(args.shift());
  else inputs.push(a);
}
if (!script || !inputs.length) {
  console.error('usage: slang [-o OUTPUT]... -p SCRIPT FILE...');
  process.exit(2);
}
const flat = (p) => /\.sv$/.test(p) ? p.replace(/^\.?\//, '').replaceAll('/', '_') : p.split('/').pop();
const files = Object.fromEntries(inputs.map((p) => [flat(p), readFileSync(p)]));
const sources = inputs.filter((p) => /\.sv$/.test(p)).map(flat).join(' ');
const print = (bytes) => { if (bytes) process.stdout.write(bytes); };
try {
  const made = await runYosys(['-Q', '-p', script.replaceAll('%f', sources)], files, { stdout: print, stderr: print });
  for (const o of outputs) {
    const name = o.split('/').pop();
    if (!(name in made)) { console.error(`slang: the script wrote no ${name}`); process.exit(1); }
    writeFileSync(o, made[name]);
  }
} catch (e) {
  if (e instanceof Exit) process.exit(e.code || 1);
  throw e;
}
