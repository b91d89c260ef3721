import { isErrorReply } from './tracked-command.ts';

/**
 * What went wrong, for logs and messages. Texts of Redis may repeat what was sent (names, script parameters, even a
 * password), so only their codes are used.
 */
export function reasonOf(error: unknown): string {
  if (isErrorReply(error)) return replyReason(error.message);
  const { code, message } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && CODE.test(code)) return code;
  if (message === 'Command timed out') return 'no answer';
  if (message.startsWith('All sentinels are unreachable')) return 'no Sentinel knows the master';
  if (message.startsWith('Failed to refresh slots cache')) return 'no node of the Cluster answered';
  return 'the connection was closed';
}

const CODE = /^[A-Z][A-Z0-9_]*$/;
const SCRIPT_LINE = /user_script:(\d+)/;

function replyReason(message: string): string {
  const code = message.split(' ', 1)[0] ?? '';
  const line = SCRIPT_LINE.exec(message)?.[1];
  return `${CODE.test(code) ? code : 'ERR'}${line === undefined ? '' : ` at line ${line} of the script`}`;
}
