// The colours are those of the app's theme where it has Backstage UI, else plain ones.

import type { CSSProperties } from "react";

const FONT = "var(--bui-font-regular, system-ui, sans-serif)";
const INK = "var(--bui-fg-primary, #1b2430)";
const PAPER = "var(--bui-bg-neutral-1, #fff)";

const BUTTON: CSSProperties = {
  padding: ".6rem 1.1rem",
  borderRadius: 6,
  border: "1px solid #1f5493",
  font: "inherit",
  fontWeight: 600,
  cursor: "pointer",
};

export const styles = {
  page: {
    boxSizing: "border-box",
    width: "min(30rem, 100% - 2rem)",
    margin: "18vh auto",
    padding: "2rem",
    borderRadius: 12,
    background: PAPER,
    color: INK,
    font: `16px/1.5 ${FONT}`,
  },
  dialog: {
    width: "min(28rem, 100% - 2rem)",
    padding: "2rem",
    border: 0,
    borderRadius: 12,
    background: PAPER,
    color: INK,
    font: `16px/1.5 ${FONT}`,
  },
  title: { fontSize: "1.4rem", lineHeight: 1.25, margin: 0 },
  advice: { margin: ".75rem 0 1.5rem" },
  buttons: { display: "flex", flexWrap: "wrap", gap: ".75rem" },
  primary: { ...BUTTON, background: "#1f5493", color: "#fff" },
  secondary: { ...BUTTON, background: "transparent", color: "inherit" },
  details: { margin: "1.5rem 0 0", fontSize: ".875rem", opacity: 0.8 },
} satisfies Record<string, CSSProperties>;
