//! Meters and log lines of an order's whole way, against the sandbox portal.

use super::{Api, MAIN, serve};
use crate::support::connections;
use crate::support::{log_lines::Lines, shop::event};
use b24_bridge::{
    clients::bitrix24::{Client, Credentials, Options, Rate},
    domain::PortalName,
    process::telemetry::logging,
    sandbox::{self, Plan, Sandbox},
    worker,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// The value of a series in OpenMetrics text.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find(|line| {
        line.replace("{}", "")
            .strip_prefix(series)
            .is_some_and(|rest| rest.starts_with(' '))
    });
    let line = line.unwrap_or_else(|| panic!("no {series} in\n{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn meters(api: &Api) -> String {
    let response = api.get("", "/metrics").send().await.unwrap();
    response.text().await.unwrap()
}

#[tokio::test]
async fn the_way_of_an_order_is_counted_and_logged_without_a_secret_or_a_person() {
    let lines = Lines::default();
    let _guard = lines.collect();
    let portal = Sandbox::start(sandbox::Options::default().plan(Plan::Unlimited))
        .await
        .unwrap();
    let api = serve().await;
    api.send(&event("e1", "A-1", 1)).await;
    api.send(&event("e2", "A-1", 2)).await;
    let options = Options {
        rate: Rate {
            per_second: 1000.0,
            burst: 1000,
        },
        ..Options::default()
    };
    let address = portal.url();
    let client = Client::new(
        Credentials::webhook(&address).unwrap(),
        &connections(),
        &options,
    );
    let stop = CancellationToken::new();
    let lanes = worker::Lanes::of(BTreeMap::from([(
        PortalName::parse("main").unwrap(),
        client,
    )]));
    let running = tokio::spawn(worker::run(
        api.app.clone(),
        lanes,
        worker::Settings::default(),
        stop.clone(),
    ));
    let mut text = String::new();
    for _ in 0..500 {
        text = meters(&api).await;
        // Gauges are read before counters: the first answer that knows of the settling may show the
        // lane as it was before.
        let settled =
            text.contains("bridge_events_settled_total{lane=\"main\",outcome=\"done\"} 1");
        if settled && text.contains("bridge_lane_depth{lane=\"main\",state=\"new\"} 0") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_counted(&text);
    let after = value(&meters(&api).await, "bridge_lane_driven{lane=\"main\"}");
    assert!(after < 0.5, "the lane was given back");

    for (message, least) in [("request", 2), ("attempt", 2)] {
        let found = lines.of(message);
        assert!(found.len() >= least, "{message}: {}", lines.text());
        let wanted: BTreeSet<&str> = logging::FIELDS
            .iter()
            .filter(|(line, ..)| *line == message)
            .map(|(_, field, _)| *field)
            .collect();
        for line in found {
            let of_the_form = ["timestamp", "level", "target", "message", "span", "spans"];
            let fields: BTreeSet<&str> = line
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .filter(|field| !of_the_form.contains(field))
                .collect();
            assert_eq!(fields, wanted, "{line}");
        }
    }
    for told in [text, lines.text()] {
        for secret in ["sandboxsecret", MAIN, "79160000001", "Анна"] {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
    }
}

fn assert_counted(text: &str) {
    let at_least_one = [
        "bridge_events_settled_total{lane=\"main\",outcome=\"done\"}",
        "bridge_events_settled_total{lane=\"main\",outcome=\"superseded\"}",
        "bridge_events_tried_total{lane=\"main\",outcome=\"done\"}",
        "bridge_portal_calls_total{portal=\"main\",method=\"batch\",result=\"ok\"}",
        "bridge_portal_commands_total{portal=\"main\",method=\"crm.deal.add\",result=\"ok\"}",
        "bridge_portal_call_commands_count{portal=\"main\"}",
        "bridge_portal_call_seconds_count{portal=\"main\"}",
        "bridge_portal_limiter_wait_seconds_count{portal=\"main\"}",
        "bridge_lease_changes_total{lane=\"main\",change=\"taken\"}",
        "bridge_lane_driven{lane=\"main\"}",
        "bridge_http_requests_total{method=\"POST\",route=\"/v1/events\",status=\"202\"}",
        "bridge_database_up",
    ];
    for series in at_least_one {
        assert!(value(text, series) >= 1.0, "{series} in\n{text}");
    }
    for series in [
        "bridge_lane_depth{lane=\"main\",state=\"new\"}",
        "bridge_lane_paused{lane=\"main\",by=\"fault\"}",
        "bridge_published_waiting",
    ] {
        assert!(value(text, series).abs() < 0.5, "{series} in\n{text}");
    }
    let openable = ["idle", "free"].map(|state| {
        value(
            text,
            &format!("bridge_pool_connections{{state=\"{state}\"}}"),
        )
    });
    assert!(openable.iter().sum::<f64>() > 0.0);
    assert!(
        text.contains("bridge_portal_operating_seconds{portal=\"main\",method=\"crm.deal.add\"}")
    );
}
