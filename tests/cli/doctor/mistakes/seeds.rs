//! Mistakes as data: what differs from a right configuration, and the code, level and place of the one finding.
//! tests/build/doctor.test.mjs asks wrangler which of them it refuses.

use serde_json::{Value, json};

use crate::doctor::{as_json, change, serious, with, with_staging};
use crate::sandbox::Sandbox;

const SEEDS: &str = include_str!("seeds.ndjson");

#[test]
fn each_seeded_mistake_is_exactly_one_finding_at_its_place() {
    let sandbox = Sandbox::new("doctor-seeds");
    let mut faults = Vec::new();
    let seeds: Vec<Value> = SEEDS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(seeds.len() >= 250, "{}", seeds.len());
    for seed in &seeds {
        let has_environments = seed["base"] == "environments";
        let mut config =
            if has_environments { with_staging() } else { with("/name", json!("gate")) };
        for (pointer, value) in seed["change"].as_object().unwrap() {
            change(&mut config, pointer, value.clone());
        }
        sandbox.write("wrangler.json", config.to_string());
        let (exit, document) = as_json(&sandbox, &[]);
        let is_right = match serious(&document).as_slice() {
            [one] => {
                ["code", "level", "place"].iter().all(|member| one[*member] == seed[*member])
                    && exit == i32::from(one["level"] == "error")
                    && ["message", "remedy"].iter().all(|member| one[*member] != "")
                    && !document.to_string().contains("s3cret")
            }
            _ => false,
        };
        if !is_right {
            faults.push(format!("{seed}\n{:#?}", serious(&document)));
        }
    }
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n"));
}
