import {
  coreReadsNoClockAndNoWorld,
  filesFitOnAFewScreens,
  functionsFitOnAScreen,
  listedFilesStillReveal,
  noTestIsLeftOutOrRunsAlone,
  nothingIsLeftForLater,
  secretsAreRevealedWhereListed,
  typesAreNotSwitchedOff,
} from './code.ts';
import { changelogHasItsShape, documentsAreLinked, versionsAreExact } from './documents.ts';
import { everyDependencyIsFencedAndUsed, packagesStayBehindTheirFence } from './fence.ts';
import {
  coreTakesNoPackagesAndNoInputOrOutput,
  importsPointOneWay,
  onlyThePipelineMintsPermits,
} from './imports.ts';
import { namesAreKebabCase, namesSaySomething, noFileHoldsAKey } from './names.ts';
import type { Rule } from './source.ts';

/** The rules of the repository by the sentence each keeps. */
export const RULES: Readonly<Record<string, Rule>> = {
  'imports point one way: main, then proxy or key-service, then runtime, config, core': importsPointOneWay,
  'core takes no packages and nothing of Node that reads or writes': coreTakesNoPackagesAndNoInputOrOutput,
  'core reads no clock and nothing of the world around it': coreReadsNoClockAndNoWorld,
  'only the pipeline mints permits': onlyThePipelineMintsPermits,
  'a secret is revealed only where the list says so': secretsAreRevealedWhereListed,
  'the list of those who reveal names no others': listedFilesStillReveal,
  'each package is imported behind its fence alone': packagesStayBehindTheirFence,
  'each dependency has a fence and is used': everyDependencyIsFencedAndUsed,
  'versions of dependencies are exact': versionsAreExact,
  'files have at most 300 lines': filesFitOnAFewScreens,
  'functions have at most 60 lines': functionsFitOnAScreen,
  'types are not switched off': typesAreNotSwitchedOff,
  'every test runs, and none alone': noTestIsLeftOutOrRunsAlone,
  'nothing is left for later': nothingIsLeftForLater,
  'names are kebab-case': namesAreKebabCase,
  'names say something': namesSaySomething,
  'no file holds a key': noFileHoldsAKey,
  'the changelog has its shape': changelogHasItsShape,
  'every document is linked, and every link leads somewhere': documentsAreLinked,
};
