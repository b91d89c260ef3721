import { defineConfig } from 'vite';

/**
 * The console's page: src/console becomes dist/console, which the key service serves below /console/. The policy of that
 * page allows no inline script and no other origin, so nothing here may bring either.
 */
export default defineConfig({
  root: 'src/console',
  base: '/console/',
  publicDir: false,
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    // What understands light-dark() and <dialog>; older browsers are told so by the page's text.
    target: ['chrome123', 'firefox128', 'safari18'],
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    license: { fileName: 'licenses.txt' },
  },
  logLevel: 'warn',
});
