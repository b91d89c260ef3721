#!/usr/bin/env node
const NODE_MAJOR_MIN = 24;

// The version is looked at before anything else is loaded, because an older Node would fail on the imports.
const major = Number(process.versions.node.split('.', 1)[0]);
if (major < NODE_MAJOR_MIN) {
  process.stderr.write(`plexgate needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.versions.node}\n`);
  process.exitCode = 2;
} else {
  const { runCommand } = await import('./cli.ts');
  process.exitCode = await runCommand(process.argv);
}
