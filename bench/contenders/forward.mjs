// The floor of forwarding: everything goes to the origin, unverified.

export default {
  fetch: (request) => fetch(request),
};
