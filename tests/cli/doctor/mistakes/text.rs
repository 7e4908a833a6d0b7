//! Mistakes in the text of the file: TOML and JSON that are valid and mean something else, or are not valid.

use serde_json::Value;

use crate::doctor::{GOOD, as_json, serious};
use crate::sandbox::Sandbox;

/// What is replaced, by what, and the code and the place of the one finding.
type Change = (&'static str, &'static str, &'static str, &'static str);

const KV: &str = "[[kv_namespaces]]\nbinding = \"CATALOG\"";
const ROUTES: &str = "routes = [{ pattern = \"backstage.acme.io/*\", zone_name = \"acme.io\" }]";

const IN_TOML: &[Change] = &[
    ("\"2026-11-17\"", "2026-11-17", "compatibility-date", "compatibility_date"),
    ("[vars.BACKSTAGE]", "[vars.BACKSTAGE]\nlogpush = true", "misplaced", "vars.BACKSTAGE.logpush"),
    (
        "workers_dev = false\npreview_urls = false\n",
        "preview_urls = false\nbuild.workers_dev = false\nbuild.cwd = \".\"\n",
        "configuration-file",
        "line 12",
    ),
    (KV, "[kv_namespaces]\nbinding = \"CATALOG\"", "configuration-file", "line 18"),
    ("workers_dev = false", "workers_dev = \"false\"", "workers-dev", "workers_dev"),
    ("workers_dev = false", "workers_dev = False", "configuration-file", "line 5"),
    (ROUTES, "routes = \"backstage.acme.io/*\"", "route-pattern", "routes"),
    ("name = \"gate\"", "name: \"gate\"", "configuration-file", "line 2"),
    ("name = \"gate\"", "name = “gate”", "configuration-file", "line 2"),
    ("[vars.CFACCESS]", "[\"vars.CFACCESS\"]", "misplaced", "vars.CFACCESS"),
    ("[vars.BACKSTAGE]", "[vars.CFACCESS]", "configuration-file", "line 27"),
    ("teamName = \"acme\"", "teamName = acme", "configuration-file", "line 23"),
    (
        "[vars.CFACCESS]",
        "[vars]\nSINCE = 2026-11-17\n[vars.CFACCESS]",
        "invalid-value",
        "vars.SINCE",
    ),
    (
        "[vars.BACKSTAGE]",
        "[[env.staging]]\nname = \"x\"\n[vars.BACKSTAGE]",
        "required",
        "env.staging",
    ),
    (
        "observability.enabled = true\n",
        "vars.observability.enabled = true\n",
        "misplaced",
        "vars.observability",
    ),
    (
        "command = \"npm run build\"\n",
        "command = \"npm run build\"\nminify = true\n",
        "misplaced",
        "build.minify",
    ),
    (
        "id = \"06779da6940b431db6e566b4846d64db\"\n",
        "id = \"06779da6940b431db6e566b4846d64db\"\ntriggers.crons = []\n",
        "misplaced",
        "kv_namespaces[1].triggers",
    ),
];

const IN_JSON: &[Change] = &[
    ("\"name\"", "# c\n\"name\"", "configuration-file", "line 17"),
    ("\"gate\"", "'gate'", "configuration-file", "line 17"),
    ("\"name\": \"gate\"", "\"name\": \"x\",\n  \"name\": \"gate\"", "key-twice", "name"),
    ("\"name\": \"gate\",", "\"name\": \"gate\"", "configuration-file", "line 17"),
    ("\"name\":", "name:", "configuration-file", "line 17"),
    ("\"name\":", "/* \"name\":", "configuration-file", "line 17"),
    ("\"gate\",", "\"gate\",,", "configuration-file", "line 17"),
    ("\"gate\"", "\"ga\nte\"", "configuration-file", "line 17"),
    ("\"gate\"", "\"ga\\xte\"", "configuration-file", "line 17"),
    ("\"gate\"", "null", "name", "name"),
    ("\"workers_dev\": false", "\"workers_dev\": null", "workers-dev", "workers_dev"),
    ("\"teamName\": \"acme\"", "\"teamName\": null", "required", "vars.CFACCESS.teamName"),
    ("\"teamName\"", "\"teamName\": \"x\", \"teamName\"", "key-twice", "vars.CFACCESS.teamName"),
];

fn faults(file: &str, good: &str, changes: &[Change]) -> Vec<String> {
    let sandbox = Sandbox::new(&format!("doctor-text-{file}"));
    let mut faults = Vec::new();
    for (what, becomes, code, place) in changes {
        assert!(good.contains(what), "{what}");
        sandbox.write(file, good.replacen(what, becomes, 1));
        let (_, document) = as_json(&sandbox, &[]);
        let found = serious(&document);
        if !matches!(found.as_slice(), [one] if one["code"] == *code && one["place"] == *place && one["file"] == file)
        {
            faults.push(format!("{becomes}: expected {code} at {place}: {found:#?}"));
        }
    }
    faults
}

#[test]
fn each_mistake_in_the_text_is_exactly_one_finding_with_its_line_or_key() {
    let value: Value = toml::from_str(GOOD).unwrap();
    let json = serde_json::to_string_pretty(&value).unwrap();
    let mut all = faults("wrangler.toml", GOOD, IN_TOML);
    all.extend(faults("wrangler.jsonc", &json, IN_JSON));
    assert!(all.is_empty(), "{}:\n{}", all.len(), all.join("\n"));
}
