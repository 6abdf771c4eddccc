use super::*;
use crate::auth::Role;
use std::{collections::BTreeSet, fs};

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(text, &BTreeMap::new())
}

fn problems(text: &str) -> Vec<Problem> {
    match parse(text) {
        Err(Error::Problems(problems)) => problems,
        other => panic!("expected problems, got {other:?}"),
    }
}

const SMALL: &str = r#"
[portals.main]
webhook_url = "https://example.bitrix24.ru/rest/1/very-secret-code/"
[shops.main]
portal = "main"
api_keys = ["0123456789abcdef"]
[[shops.main.statuses]]
status = "N"
stage = "NEW"
"#;

#[test]
fn no_settings_at_all_give_the_demo_values_marked_as_such() {
    let config = parse("").unwrap();
    assert!(config.demo);
    assert!(config.authenticate("demo-key-not-for-production").is_some());
    assert!(!parse(SMALL).unwrap().demo);
}

#[test]
fn the_environment_goes_over_the_file_and_other_variables_are_left_alone() {
    let environment = BTreeMap::from([
        (
            "BRIDGE_HTTP__LISTEN".to_owned(),
            "127.0.0.1:9999".to_owned(),
        ),
        ("BRIDGE_SHOPS__MAIN__FUNNEL".to_owned(), "7".to_owned()),
        ("BRIDGE_DATA_DIR".to_owned(), "/tmp/x".to_owned()),
        (
            "DATABASE_URL".to_owned(),
            "postgres://localhost/shop".to_owned(),
        ),
    ]);
    let config = Config::parse(SMALL, &environment).unwrap();
    assert_eq!(config.http.listen.port(), 9999);
    let rules = &config.shop_rules()[&ShopName::parse("main").unwrap()];
    assert_eq!(rules.funnel, 7);
    assert_eq!(rules.statuses.row("N").unwrap().stage.id, "C7:NEW");
    assert!(config.database.url.is_some());
}

#[test]
fn every_fault_is_named_at_once_with_its_place() {
    let found = problems(
        r#"
        [portals.main]
        webhook_url = "http://example.bitrix24.ru/rest/1/very-secret-code/"
        [shops.one]
        portal = "nowhere"
        api_keys = ["short"]
        phone_country = "+7"
        placeholders = ["info@shop.example", "*@"]
        [[shops.one.statuses]]
        status = "N"
        stage = ""
        "#,
    );
    let keys: BTreeSet<&str> = found.iter().map(|problem| problem.key.as_str()).collect();
    let expected = BTreeSet::from([
        "portals.main.webhook_url",
        "shops.one.portal",
        "shops.one.api_keys",
        "shops.one.phone_country",
        "shops.one.placeholders[1]",
        "shops.one.statuses[0]",
    ]);
    assert_eq!(keys, expected);
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let error = parse("[http]\nlisten = \"127.0.0.1:1\"\nlissten = 3\n").unwrap_err();
    let text = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        text.contains("lissten") && text.contains("line 3"),
        "{text}"
    );
}

#[test]
fn an_unknown_key_in_the_file_is_named_with_the_nearest_known_one() {
    let error = parse("[http]\nlissten = \"127.0.0.1:1\"\n").unwrap_err();
    assert!(
        error.to_string().contains("did you mean `listen`"),
        "{error}"
    );
}

#[test]
fn a_variable_that_names_no_key_is_refused_with_the_nearest_known_one() {
    let faults = |name: &str| {
        let environment = BTreeMap::from([(name.to_owned(), "x".to_owned())]);
        match Config::parse(SMALL, &environment) {
            Err(Error::Problems(problems)) => problems,
            other => panic!("{name}: {other:?}"),
        }
    };
    for (name, nearest) in [
        ("BRIDGE_HTTP__LISSTEN", "`BRIDGE_HTTP__LISTEN`"),
        ("BRIDGE_HTP__LISTEN", "`BRIDGE_HTTP__LISTEN`"),
        (
            "BRIDGE_TELEMETRY__OTLP_ENDPOIN",
            "`BRIDGE_TELEMETRY__OTLP_ENDPOINT`",
        ),
        (
            "BRIDGE_SHOPS__MAIN__CALBACK_URL",
            "`BRIDGE_SHOPS__MAIN__CALLBACK_URL`",
        ),
        (
            "BRIDGE_PORTALS__MAIN__APP__CLIENT",
            "`BRIDGE_PORTALS__MAIN__APP__CLIENT_ID`",
        ),
    ] {
        let faults = faults(name);
        assert_eq!(faults[0].key, name);
        assert!(faults[0].remedy.contains(nearest), "{name}: {}", faults[0]);
    }
    for name in ["BRIDGE__LISTEN", "BRIDGE_HTTP__", "BRIDGE_NONSENSE__A__B"] {
        assert_eq!(faults(name)[0].key, name);
    }
}

#[test]
fn every_section_is_heard_from_the_environment() {
    let environment = BTreeMap::from([
        ("BRIDGE_TELEMETRY__OTLP_ENDPOINT", "http://localhost:4318"),
        ("BRIDGE_CONFIG", "elsewhere.toml"),
        ("BRIDGE_DATA_DIR", "/tmp/data"),
    ]);
    let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    let environment = environment.into_iter().map(owned).collect();
    let config = Config::parse(SMALL, &environment).unwrap();
    let endpoint = config.telemetry.otlp_endpoint.as_deref();
    assert_eq!(endpoint, Some("http://localhost:4318"));
}

#[test]
fn two_statuses_may_be_written_as_one_stage_but_only_one_is_meant_on_the_way_back() {
    let rows = |second: bool| {
        format!(
            "{SMALL}reverse = true\n[[shops.main.statuses]]\nstatus = \"M\"\nstage = \
             \"NEW\"\nreverse = {second}\n"
        )
    };
    assert!(parse(&rows(false)).is_ok());
    assert_eq!(problems(&rows(true)).len(), 1);
}

#[test]
fn one_key_cannot_name_two_callers() {
    let text =
        format!("{SMALL}\n[operators.ann]\nkey = \"0123456789abcdef\"\nrole = \"operator\"\n");
    assert_eq!(problems(&text)[0].key, "operators.ann.key");
}

#[test]
fn a_key_names_its_shop_or_its_person_and_a_wrong_one_nobody() {
    let text =
        format!("{SMALL}\n[operators.ann]\nkey = \"fedcba9876543210\"\nrole = \"operator\"\n");
    let config = parse(&text).unwrap();
    assert_eq!(
        config.authenticate("0123456789abcdef"),
        Some(Caller::Shop(ShopName::parse("main").unwrap()))
    );
    assert_eq!(
        config.authenticate("fedcba9876543210"),
        Some(Caller::Operator {
            name: "ann".to_owned(),
            role: Role::Operator
        })
    );
    assert_eq!(config.authenticate("0123456789abcdeX"), None);
}

#[test]
fn secrets_are_printed_by_nothing() {
    let text = format!("{SMALL}\n[database]\nurl = \"postgres://u:hidden-word@h/d\"\n");
    let printed = format!("{:?}", parse(&text).unwrap());
    for secret in ["very-secret-code", "0123456789abcdef", "hidden-word"] {
        assert!(!printed.contains(secret), "{secret} is printed");
    }
    let wrong = parse(&SMALL.replace("/rest/", "/wrong/")).unwrap_err();
    assert!(!format!("{wrong:?} {wrong}").contains("very-secret-code"));
}

#[test]
fn secrets_may_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhook");
    std::fs::write(&file, "https://example.bitrix24.ru/rest/1/from-a-file/\n").unwrap();
    let text = SMALL.replace(
        "webhook_url = \"https://example.bitrix24.ru/rest/1/very-secret-code/\"",
        &format!("webhook_url_file = {file:?}"),
    );
    let config = parse(&text).unwrap();
    assert!(matches!(
        config.portals.values().next().unwrap().access,
        PortalAccess::Webhook(_)
    ));
}

/// Keys that the example must mention.
const KEYS: &str = "
    listen max_body_bytes request_timeout_seconds url max_connections webhook_url event_tokens
    plan rate client_id client_secret portal_url timeout_seconds portal api_keys sources
    callback_url callback_secret funnel title responsible_id source_id fields phone_country texts
    placeholders delivery_name on_deleted leads woocommerce secret channel property statuses
    status stage accepts direction reverse rules winner conflict default clock_tolerance key role
    lease_seconds poll_seconds max_attempts backoff_base_seconds backoff_cap_seconds doubt_seconds
    call_limit_seconds wave stop_grace_seconds settled_days closed_letters_days timeline_days
    audit_days titles shops also_at encoding schema_version_max time_zone zip file_limit
    step_seconds max_upload_bytes session_ttl keep_files keep_files_bytes password_hash types
    number_prefix only_paid only_delivery_allowed since from_status id discounts currency
    currency_label properties implicit_success requisites default person company names pay_systems
    delivery_services kind format filter push user version allow_http
";

#[test]
fn the_example_is_valid_and_names_every_key() {
    let config = parse(EXAMPLE).unwrap();
    assert!(!config.demo);
    for key in KEYS.split_whitespace() {
        let mentioned = EXAMPLE.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ']);
            line.starts_with(&format!("{key} ="))
                || line.contains(&format!(".{key}]"))
                || line.contains(&format!("{{ {key} ="))
        });
        assert!(mentioned, "the example does not mention `{key}`");
    }
}

/// A folder with settings and these files of portals.
fn with_parts(parts: &[(&str, &str)]) -> (tempfile::TempDir, Result<Config, Error>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("b24-bridge.toml"), SMALL).unwrap();
    fs::create_dir(folder.path().join("portals.d")).unwrap();
    for (name, text) in parts {
        fs::write(folder.path().join("portals.d").join(name), text).unwrap();
    }
    let config = Config::load(None, folder.path(), []);
    (folder, config)
}

#[test]
fn portals_and_shops_may_stand_in_files_of_their_own() {
    let part = SMALL
        .replace(".main", ".second")
        .replace("\"main\"", "\"second\"");
    let part = part.replace("0123456789abcdef", "another-key-of-16-characters");
    let (_folder, config) = with_parts(&[
        ("second.toml", &part),
        ("second.toml~", "what an editor left"),
        (".#second.toml", "what an editor locks"),
    ]);
    let config = config.unwrap();
    let names: Vec<_> = config.shops.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["main", "second"]);
    assert_eq!(
        config.authenticate("another-key-of-16-characters"),
        Some(Caller::Shop(ShopName::parse("second").unwrap()))
    );
}

#[test]
fn a_file_of_portals_is_told_by_its_name_with_what_is_wrong_in_it() {
    let (_folder, twice) = with_parts(&[("again.toml", SMALL)]);
    let Err(Error::Problems(problems)) = twice else {
        panic!("{twice:?}");
    };
    let keys: Vec<_> = problems.iter().map(|problem| &*problem.key).collect();
    assert_eq!(keys, ["portals.main", "shops.main"]);
    assert!(problems[0].sentence.contains("again.toml"), "{problems:?}");

    let (_folder, wrong) = with_parts(&[("w.toml", "[portals.w]\nwebhok_url = \"x\"\n")]);
    let told = wrong.unwrap_err().to_string();
    assert!(
        told.contains("w.toml") && told.contains("`webhook_url`"),
        "{told}"
    );

    let (_folder, other) = with_parts(&[("o.toml", "[http]\nlisten = \"127.0.0.1:1\"\n")]);
    let Err(Error::Problems(problems)) = other else {
        panic!("{other:?}");
    };
    assert_eq!(problems[0].key, "http");
}

/// `SMALL`, with another portal and shop beside it.
fn with_second() -> String {
    let second = SMALL.replace(".main", ".second");
    let second = second.replace("\"main\"", "\"second\"");
    let second = second.replace("0123456789abcdef", "another-key-of-16-characters");
    format!("{SMALL}{second}")
}

fn keys(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn how_long_a_portal_may_take_for_a_call_is_nothing_to_another() {
    let patient = with_second().replace(
        "[portals.second]\n",
        "[portals.second]\ncall_limit_seconds = 600\n",
    );
    let (old, new) = (parse(&with_second()).unwrap(), parse(&patient).unwrap());
    let lands = |config: &Config, name: &str| {
        let name = PortalName::parse(name).unwrap();
        config.lands_within_at(&config.portals[&name]).as_secs()
    };
    assert_eq!(lands(&new, "main"), lands(&old, "main"));
    assert_eq!(lands(&new, "second"), 750);
    assert_eq!(new.lands_within().as_secs(), 750);
    let (before, now) = (old.of_portals(), new.of_portals());
    let other: Vec<_> = now
        .keys()
        .filter(|name| now[*name] != before[*name])
        .collect();
    assert_eq!(other, [&PortalName::parse("second").unwrap()]);
}

#[test]
fn newer_settings_are_used_but_for_what_needs_a_restart() {
    let old = parse(SMALL).unwrap();
    let newer = format!("[http]\nlisten = \"127.0.0.1:1\"\n{}", with_second());
    let renewed = old.renewed(parse(&newer).unwrap()).unwrap();
    assert_eq!(
        keys(&renewed.changes),
        ["`portals.second`: added", "`shops.second`: added"]
    );
    assert_eq!(keys(&renewed.after_restart), ["`http.listen`: added"]);
    let config = renewed.config;
    assert_eq!(config.http.listen, old.http.listen);
    assert!(
        config
            .authenticate("another-key-of-16-characters")
            .is_some()
    );
    // The same once more: only what waits for the restart is told again.
    let again = config.renewed(parse(&newer).unwrap()).unwrap();
    assert!(again.changes.is_empty());
    assert_eq!(keys(&again.after_restart), ["`http.listen`: added"]);
    let back = config.renewed(parse(SMALL).unwrap()).unwrap();
    assert_eq!(
        keys(&back.changes),
        ["`portals.second`: removed", "`shops.second`: removed"]
    );
    assert!(
        back.config
            .authenticate("another-key-of-16-characters")
            .is_none()
    );
}

#[test]
fn a_portal_has_another_fingerprint_when_it_or_a_shop_of_it_has_changed_and_else_not() {
    let of = |config: &Config, name: &str| config.of_portals()[&PortalName::parse(name).unwrap()];
    let old = parse(&with_second()).unwrap();
    let newer = with_second().replace("portal = \"second\"", "portal = \"second\"\nfunnel = 7");
    let newer = parse(&newer).unwrap();
    assert_eq!(of(&old, "main"), of(&newer, "main"));
    assert_ne!(of(&old, "second"), of(&newer, "second"));
    let slower = SMALL.replace("[shops.main]", "timeout_seconds = 29\n[shops.main]");
    assert_ne!(
        of(&parse(SMALL).unwrap(), "main"),
        of(&parse(&slower).unwrap(), "main")
    );
}

#[test]
fn bases_stocks_and_tills_are_taken_up_as_shops_are() {
    let with = |step: u32, token: &str| {
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$\
                    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        parse(&format!(
            "{SMALL}
             [onec.trade]
             shops = [\"main\"]
             step_seconds = {step}
             users.exchange.password_hash = \"{hash}\"
             [stock.main]
             shops = [\"main\"]
             [[stock.main.stores]]
             name = \"a\"
             [tills.hall]
             kind = \"evotor\"
             shop = \"main\"
             token = \"{token}-token-0123456789\""
        ))
        .unwrap()
    };
    let (none, old, newer) = (parse(SMALL).unwrap(), with(20, "first"), with(25, "other"));
    let renewed = none.renewed(old).unwrap();
    let told = [
        "`onec.trade`: added",
        "`stock.main`: added",
        "`tills.hall`: added",
    ];
    assert_eq!(keys(&renewed.changes), told);
    assert!(renewed.after_restart.is_empty());
    let config = renewed.config;
    assert_eq!((config.onec.len(), config.stocks.len()), (1, 1));
    let renewed = config.renewed(newer).unwrap();
    let told = ["`onec.trade`: changed", "`tills.hall`: changed"];
    assert_eq!(keys(&renewed.changes), told);
    let newer = renewed.config;
    assert_ne!(newer.of_bases(), config.of_bases());
    assert_ne!(newer.of_tills(), config.of_tills());
    assert_eq!(newer.of_portals(), config.of_portals());
    let key = |token: &str| format!("{token}-token-0123456789");
    assert!(newer.authenticate(&key("other")).is_some());
    assert!(newer.authenticate(&key("first")).is_none());
    let back = newer.renewed(none).unwrap().config;
    assert!(back.onec.is_empty() && back.stocks.is_empty() && back.tills.is_empty());
}

#[test]
fn another_secret_in_the_same_file_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    let of = |secret: &str| {
        fs::write(
            &file,
            format!("https://example.bitrix24.ru/rest/1/{secret}/"),
        )
        .unwrap();
        let text = format!("webhook_url_file = {file:?}");
        let url = "webhook_url = \"https://example.bitrix24.ru/rest/1/very-secret-code/\"";
        parse(&SMALL.replace(url, &text)).unwrap()
    };
    let (old, newer) = (of("very-secret-code"), of("another-secret-code"));
    let renewed = old.renewed(newer).unwrap();
    assert_eq!(keys(&renewed.changes), ["`portals.main`: changed"]);
}

#[test]
fn settings_of_the_demo_are_not_taken_up_in_flight() {
    let old = parse(SMALL).unwrap();
    let told = old.renewed(parse("").unwrap()).unwrap_err().to_string();
    assert!(told.contains("restart"), "{told}");
}
