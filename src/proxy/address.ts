export { TrustedProxies, countedAddress, plainAddress } from '../core/address.ts';
