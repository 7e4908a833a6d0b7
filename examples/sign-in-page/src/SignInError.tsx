// What the sign-in page shows when the sign-in was refused: the reason, and what to do about it.

import { type RefreshError, type Remedy, reasonOf } from "./reasons";
import { goToLogout, logInAgain } from "./session";
import { styles } from "./styles";

const reload = () => window.location.reload();

const BUTTONS: Record<Remedy, [label: string, onClick: () => void][]> = {
  "log-in-again": [["Log in again", logInAgain]],
  // The user stays on Access's own page, where another account can be chosen.
  "change-account": [
    ["Log in again", goToLogout],
    ["Try again", reload],
  ],
  "try-again": [["Try again", reload]],
};

export function SignInError({ error }: { error?: Error }) {
  const { title, advice, remedy, code, ray } = reasonOf(error as RefreshError);
  const details = [code && `Code: ${code}`, ray && `Ray ID: ${ray}`].filter(Boolean);
  return (
    <main role="alert" data-testid="sign-in-error" style={styles.page}>
      <h1 style={styles.title}>{title}</h1>
      <p style={styles.advice}>{advice}</p>
      <div style={styles.buttons}>
        {BUTTONS[remedy].map(([label, onClick], index) => (
          <button
            key={label}
            type="button"
            // biome-ignore lint/a11y/noAutofocus: nothing else is on the page, and Enter does what most users need.
            autoFocus={index === 0}
            style={index === 0 ? styles.primary : styles.secondary}
            onClick={onClick}
          >
            {label}
          </button>
        ))}
      </div>
      {details.length > 0 && <p style={styles.details}>{details.join(" · ")}</p>}
    </main>
  );
}
