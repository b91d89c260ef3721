/** What the key service says about itself. Never a key, a digest or a token: the fields have no place for one. */
export interface KeyServiceLog {
  info(fields: KeyServiceLogFields, message: string): void;
  warn(fields: KeyServiceLogFields, message: string): void;
  error(fields: KeyServiceLogFields, message: string): void;
}

export interface KeyServiceLogFields {
  keyId?: string;
  ownerId?: string;
  detail?: string;
}
