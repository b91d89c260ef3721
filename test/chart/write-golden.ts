import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkBinary } from './helm.ts';
import { GOLDEN, GOLDEN_FOLDER } from './renders.ts';

// `npm run golden`: renders the chart anew, for a commit in which the difference is looked at.
checkBinary();
rmSync(GOLDEN_FOLDER, { recursive: true, force: true });
mkdirSync(GOLDEN_FOLDER);
for (const [file, render] of GOLDEN) writeFileSync(join(GOLDEN_FOLDER, file), await render());
