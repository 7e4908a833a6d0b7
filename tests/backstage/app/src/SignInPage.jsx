// The official sign-in page for proxies. Its own error panel says to reload and hides the reason;
// this one says what has happened, from the status that the Worker or Access answered.

import { ProxiedSignInPage } from "@backstage/core-components";

const REASONS = {
  401: ["Your session has ended", "Log in again, and you are back where you were.", "Log in again"],
  403: ["You are not let in here", "Your account may not use this Backstage.", "Try again"],
  404: ["Backstage does not know you yet", "Ask for your account to be added to it.", "Try again"],
  409: ["Backstage knows you twice", "Two users of the catalog have your address.", "Try again"],
};
const BUTTON = {
  padding: ".6rem 1.1rem",
  border: 0,
  borderRadius: 6,
  background: "#1f5493",
  color: "#fff",
  font: "inherit",
  cursor: "pointer",
};
const OTHERWISE = ["Signing in did not work", "It may be better in a moment.", "Try again"];

export function SignInPage(props) {
  return <ProxiedSignInPage {...props} provider="cfaccess" ErrorComponent={SignInError} />;
}

function SignInError({ error }) {
  const [title, advice, action] = REASONS[error?.response?.status] ?? OTHERWISE;
  return (
    <main
      role="alert"
      data-testid="sign-in-error"
      style={{ maxWidth: "26rem", margin: "20vh auto", font: "16px/1.5 system-ui, sans-serif" }}
    >
      <h1 style={{ fontSize: "1.4rem", margin: 0 }}>{title}</h1>
      <p style={{ margin: ".5rem 0 1.25rem" }}>{advice}</p>
      <button type="button" style={BUTTON} onClick={() => window.location.reload()}>
        {action}
      </button>
    </main>
  );
}
