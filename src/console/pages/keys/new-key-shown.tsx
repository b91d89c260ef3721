import type { JSX } from 'preact';
import type { CreatedKey } from '../../../key-service/console/wire.ts';
import { useStanding } from '../../api/session.tsx';
import { Button } from '../../parts/button.tsx';
import { Copyable } from '../../parts/copy.tsx';
import { Notice } from '../../parts/tag.tsx';

const ELSEWHERE = 'https://YOUR-GATE/';

/** A line for a shell. The key is ours and holds letters and digits alone; the rest comes from the key service. */
function curlLine(header: string, key: string, url: string): string {
  return `curl -H '${header.replace('{key}', key)}' ${url}`;
}

/** The only sight of a key there ever is. It stays until it is closed by hand. */
export function NewKeyShown(props: {
  readonly created: CreatedKey;
  readonly onClose: () => void;
}): JSX.Element {
  const { key, row } = props.created;
  const { about } = useStanding();
  const profile = about.profiles.find(({ profile }) => profile === row.profile);
  return (
    <>
      <Notice tone="warn">
        This is the only time that the key is shown. Copy it now: nobody can look it up later.
      </Notice>
      <Copyable label={`Key of ${row.name}`} text={key} />
      {(profile?.headers ?? []).map((header, i) => (
        <Copyable
          key={header}
          label={i === 0 ? 'Try it' : 'Or, in another format'}
          text={curlLine(header, key, profile?.url ?? ELSEWHERE)}
        />
      ))}
      <div class="row end">
        <Button tone="first" onPress={props.onClose}>
          I have the key
        </Button>
      </div>
    </>
  );
}
