import type { Peppers } from './peppers.ts';
import type { KeyStore } from './store/store.ts';

/**
 * Rejects where keys were kept under a pepper that is missing or has changed: every one of them would be answered as
 * unknown, and its holder refused with the wrong reason. A pepper nothing was kept under yet may still change.
 */
export async function checkPeppers(store: KeyStore, peppers: Peppers): Promise<void> {
  const inUse = await store.peppersInUse();
  const missing = inUse.filter((id) => !peppers.has(id));
  if (missing.length > 0) {
    throw new Error(`keys are kept under the pepper ${missing.join(', ')}, which is not configured`);
  }
  const known = new Map((await store.pepperProofs()).map(({ pepperId, proof }) => [pepperId, proof]));
  const proofs = peppers.proofs();
  for (const { pepperId, proof } of proofs) {
    if (inUse.includes(pepperId) && known.has(pepperId) && known.get(pepperId) !== proof) {
      throw new Error(`the pepper ${pepperId} is not the one by this name that keys are kept under`);
    }
  }
  for (const proof of proofs) await store.keepPepperProof(proof);
}
