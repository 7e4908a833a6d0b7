// Tells the user that the Access session has ended while the page was open. Without it, every view
// shows an error of its own.

import { useEffect, useId, useRef, useSyncExternalStore } from "react";
import { dismiss, hasEnded, logInAgain, subscribe } from "./session";
import { styles } from "./styles";

export function SessionEndedDialog() {
  return useSyncExternalStore(subscribe, hasEnded) ? <Dialog /> : null;
}

function Dialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  // The browser's own modal: it keeps the focus inside, and closes on Escape.
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={title}
      data-testid="session-ended"
      style={styles.dialog}
      onClose={dismiss}
    >
      <h2 id={title} style={styles.title}>
        Your session has ended
      </h2>
      <p style={styles.advice}>
        Log in again, and you return to this page. If you have typed something here that is not
        saved, choose “Not now” and copy it first.
      </p>
      <div style={styles.buttons}>
        <button type="button" style={styles.primary} onClick={logInAgain}>
          Log in again
        </button>
        <button type="button" style={styles.secondary} onClick={() => dialog.current?.close()}>
          Not now
        </button>
      </div>
    </dialog>
  );
}
