// Who can log in to the development set-up: the people of examples/catalog/ as the identity
// provider knows them, one who is not in the catalog, and the pipelines' service token.

export const USERS = [
  {
    email: "ingrid.solheim@meridian.example",
    name: "Ingrid Solheim",
    note: "in two groups",
    country: "NO",
    groups: [
      { id: "8f14e45f", name: "Platform", email: "platform@meridian.example" },
      { id: "c9f0f895", name: "Engineering", email: "engineering@meridian.example" },
    ],
  },
  {
    email: "tomasz.wrona@meridian.example",
    name: "Tomasz Wrona",
    note: "in one group",
    country: "PL",
    groups: [{ id: "8f14e45f", name: "Platform", email: "platform@meridian.example" }],
  },
  {
    email: "amara.okafor+staging@meridian.example",
    name: "Amara Okafor",
    note: "the catalog has the address without +staging",
    country: "NL",
    groups: [{ id: "45c48cce", name: "Booking" }],
  },
  {
    email: "lars.devries@meridian.example",
    name: "Lars de Vries",
    note: "the catalog writes the address with capitals",
    country: "NL",
    // Some identity providers send names alone.
    groups: ["Booking", "Engineering"],
  },
  {
    email: "mei.tanaka@meridian.example",
    name: "Mei Tanaka",
    note: "in a group of groups",
    country: "SE",
    groups: ["Operations"],
  },
  {
    email: "olga.lind@meridian.example",
    name: "Olga Lind",
    note: "in a group and the one above it",
    country: "SE",
    groups: [{ id: "d3d94468", name: "Customs" }],
  },
  {
    email: "jonas.weber@meridian.example",
    name: "Jonas Weber",
    note: "in no group",
    country: "DE",
    groups: [],
  },
  {
    email: "vera.novak@partner.example",
    name: "Vera Novak",
    note: "not in the catalog",
    country: "CZ",
    groups: [],
  },
];

/** Good for the emulator on this machine and for nothing else. */
export const CI_BOT = {
  clientId: "0c1b07d0c1b07d0c1b07d0c1b07d0c1b.access",
  clientSecret: "not-a-secret-but-the-emulator-wants-one",
  subject: "ci-bot@meridian.example",
};
