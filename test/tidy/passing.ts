import type { Example } from './planted.ts';
import {
  CHANGELOG,
  CORE_PACKAGES,
  CORE_WORLD,
  EVERY_TEST,
  EXACT,
  FENCE,
  FUNCTIONS,
  ONE_WAY,
  PERMITS,
  REVEAL,
  TYPES,
} from './titles.ts';

const manifest = (dependencies: Record<string, string>): string => JSON.stringify({ dependencies });
const body = (lines: number): string => 'x();\n'.repeat(lines);

/** What must pass, so that a rule is not kept by refusing everything. */
export const GOOD: Readonly<Record<string, readonly Example[]>> = {
  [ONE_WAY]: [
    [
      'down',
      'src/proxy/a.ts',
      "import { x } from '../core/x.ts';\nimport '../runtime/y.ts';\nimport './z.ts';",
    ],
    [
      'a main file',
      'src/run.ts',
      "import { x } from './proxy/x.ts';\nimport { y } from './key-service/y.ts';",
    ],
    [
      'an import in a string or a comment',
      'src/core/a.ts',
      "const s = \"import '../proxy/x.ts'\"; // import '../proxy/x.ts'",
    ],
    [
      'the types of what page and key service say',
      'src/console/a.tsx',
      "import type { X } from '../key-service/console/wire.ts';\nexport const A = () => <b>x</b>;\nexport const b = /'/;",
    ],
    ['an import in a template', 'src/core/a.ts', "const s = `import '../proxy/x.ts'`;"],
    ['a property called import', 'src/core/a.ts', "a.import('../proxy/x.ts'); a.from('../proxy/x.ts');"],
    ['a test', 'test/proxy/a.test.ts', "import { x } from '../../src/proxy/x.ts';"],
  ],
  [CORE_PACKAGES]: [
    ['a computation', 'src/core/a.ts', "import { hash, timingSafeEqual as same } from 'node:crypto';"],
  ],
  [CORE_WORLD]: [
    [
      'a date of a number',
      'src/core/a.ts',
      'new Date(at).toISOString(); Date.parse(text); Date.UTC(2026, 0);',
    ],
    ['a property of that name', 'src/core/a.ts', 'clock.now(); a.process; const b = { process: 1 };'],
    ['another room', 'src/runtime/clock.ts', 'Date.now();'],
  ],
  [PERMITS]: [
    ['the pipeline', 'src/proxy/pipeline.ts', "import { permit } from '../core/decision.ts';"],
    ['the type', 'src/proxy/forward.ts', "import { deny, type Permit } from '../core/decision.ts';"],
    ['a test', 'test/core/decision.test.ts', "import { permit } from '../../src/core/decision.ts';"],
  ],
  [REVEAL]: [
    ['a listed file', 'src/core/forward-headers.ts', 'secret.reveal();'],
    ['a test', 'test/core/secret.test.ts', 'secret.reveal();'],
  ],
  [FENCE]: [
    ['its file', 'src/proxy/keys/service-client.ts', "import { Pool } from 'undici';"],
    ['its folder', 'src/config/a/b.ts', "import * as z from 'zod';"],
    ['a test', 'test/a.test.ts', "import { Pool } from 'undici';"],
  ],
  [EXACT]: [['exact ones', 'package.json', manifest({ x: '1.2.3', y: 'npm:@a/b@1.2.3-rc.1' })]],
  'files have at most 300 lines': [['300 lines', 'src/core/a.ts', 'x;\n'.repeat(300)]],
  [FUNCTIONS]: [
    ['60 lines', 'src/core/a.ts', `function f() {\n${body(58)}}`],
    [
      'a long list',
      'src/core/a.ts',
      `const a = [\n${"{ b: 'c' },\n".repeat(100)}];\nconst d = {\n${'e,\n'.repeat(80)}};`,
    ],
    ['a long class', 'src/core/a.ts', `class A {\n${'f() {\n x();\n}\n'.repeat(30)}}`],
    [
      'a class behind a function',
      'src/core/a.ts',
      `function f(): X {\n}\nclass A implements B.C {\n${'d = 1;\n'.repeat(70)}}`,
    ],
    ['a long type', 'src/core/a.ts', `interface A {\n${'f(a: string): void;\n'.repeat(70)}}`],
    ['a long loop', 'src/core/a.ts', `for (const a of b) {\n${body(70)}}`],
    [
      'a suite for several stores',
      'test/a.contract.ts',
      `export function suite(s: X): void {\n  describe('a', () => {\n${body(70)}});\n}`,
    ],
    ['a group of tests', 'test/a.test.ts', `describe.each([1])('a', () => {\n${body(100)}});`],
  ],
  [TYPES]: [
    [
      'the word elsewhere',
      'src/core/a.ts',
      "// any\nconst a = { any: 1 }; Promise.any([]); const b = 'any';",
    ],
    ['a test', 'test/a.test.ts', `// @ts-expect-error`],
  ],
  [EVERY_TEST]: [['a property of that name', 'test/a.test.ts', 'stream.skip(1); a.only; lexer.todo();']],
  'names are kebab-case': [
    ['names that tools expect', 'deploy/Dockerfile', ''],
    ['several endings', 'test/core/key-shape.model.test.ts', ''],
    ['a hidden folder', '.github/workflows/ci.yml', ''],
    ['templates of Helm', 'helm/plexgate/templates/_names.tpl', ''],
    ['a numbered record', 'docs/decisions/0001-forwarding.md', ''],
  ],
  'no file holds a key': [
    ['a prefix', 'src/core/a.ts', `const prefix = 'pmcp_'; const s = 'sk_live_abc123';`],
  ],
  [CHANGELOG]: [
    [
      'its shape',
      'CHANGELOG.md',
      '# Changes\n\nText.\n\n## Unreleased\n\n### Added\n\n- x\n  y\n\n## [0.1.0] - 2026-01-01\n',
    ],
  ],
};
