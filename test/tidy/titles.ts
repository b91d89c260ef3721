/** Titles of rules that both lists of examples name. */
export const ONE_WAY = 'imports point one way: main, then proxy or key-service, then runtime, config, core';
export const CORE_PACKAGES = 'core takes no packages and nothing of Node that reads or writes';
export const CORE_WORLD = 'core reads no clock and nothing of the world around it';
export const PERMITS = 'only the pipeline mints permits';
export const REVEAL = 'a secret is revealed only where the list says so';
export const FENCE = 'each package is imported behind its fence alone';
export const USED = 'each dependency has a fence and is used';
export const EXACT = 'versions of dependencies are exact';
export const TYPES = 'types are not switched off';
export const EVERY_TEST = 'every test runs, and none alone';
export const CHANGELOG = 'the changelog has its shape';
export const LINKED = 'every document is linked, and every link leads somewhere';
export const FUNCTIONS = 'functions have at most 60 lines';
