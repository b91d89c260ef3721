import { checkBinary } from './helm.ts';

/** Before the first test runs Helm. */
export default checkBinary;
