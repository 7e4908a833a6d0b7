// How long a token is still valid, counted down each second.

const UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

/** `exp` in seconds since 1970; `undefined` if there is no token. */
export function timeLeft(exp, now = Date.now() / 1000) {
  if (exp === undefined) return "";
  const seconds = Math.floor(exp - now);
  return seconds > 0 ? `${span(seconds)} left` : `expired ${span(-seconds)} ago`;
}

/** The two largest units: "23 h 59 min". */
function span(seconds) {
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0 s";
  const parts = [];
  let rest = seconds;
  for (const [name, size] of UNITS.slice(first, first + 2)) {
    parts.push(`${Math.floor(rest / size)} ${name}`);
    rest %= size;
  }
  return parts.join(" ");
}

/** Keeps elements at the time that is left. Returns a function that sets `exp` of an element. */
export function countdowns() {
  const shown = new Map();
  const show = (element, exp) => {
    element.textContent = timeLeft(exp);
    element.classList.toggle("over", exp !== undefined && exp <= Date.now() / 1000);
  };
  setInterval(() => {
    for (const [element, exp] of shown) show(element, exp);
  }, 1000);
  return (element, exp) => {
    shown.set(element, exp);
    show(element, exp);
  };
}
