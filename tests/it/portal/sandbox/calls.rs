//! Addresses, bodies, envelopes, batches, credentials.

use b24_bridge::sandbox::{LocalApp, Options, Plan};
use serde_json::{Value, json};

use super::{desk, desk_with};

#[tokio::test]
async fn every_form_of_the_address_reaches_the_method() {
    let desk = desk().await;
    for tail in [
        "server.time",
        "server.time.json",
        "server.time/",
        "SERVER.Time",
        "server.time?bx24_request_id=1",
    ] {
        let url = format!("{}{tail}", desk.portal.url());
        for request in [desk.client.get(&url), desk.client.post(&url)] {
            let answer: Value = request.send().await.unwrap().json().await.unwrap();
            assert!(
                answer["result"].as_str().unwrap().ends_with("+03:00"),
                "{tail}: {answer}"
            );
        }
    }
    let xml = desk
        .client
        .get(format!("{}server.time.xml", desk.portal.url()));
    assert!(
        xml.send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains("<response><result>20")
    );
}

#[tokio::test]
async fn forms_multipart_and_queries_carry_nested_fields() {
    let desk = desk().await;
    let url = format!("{}crm.contact.add", desk.portal.url());
    let form = [
        ("fields[NAME]", "Иван"),
        ("fields[PHONE][0][VALUE]", "+79001234567"),
    ];
    desk.client.post(&url).form(&form).send().await.unwrap();
    desk.client.get(&url).query(&form).send().await.unwrap();
    let body = "--X\r\nContent-Disposition: form-data; \
                name=\"fields[NAME]\"\r\n\r\nИван\r\n--X\r\nContent-Disposition: form-data; \
                name=\"fields[PHONE][0][VALUE]\"\r\n\r\n+79001234567\r\n--X--\r\n";
    let multipart = desk
        .client
        .post(&url)
        .header("content-type", "multipart/form-data; boundary=X");
    multipart.body(body).send().await.unwrap();
    let contacts = desk.portal.contacts();
    assert_eq!(contacts.len(), 3);
    for contact in contacts {
        assert_eq!(contact["NAME"], "Иван");
        assert_eq!(contact["PHONE"][0]["VALUE"], "+79001234567");
    }
}

#[tokio::test]
async fn a_get_with_a_json_body_carries_nothing() {
    let desk = desk().await;
    let url = format!("{}crm.duplicate.findbycomm", desk.portal.url());
    let request = desk
        .client
        .get(url)
        .json(&json!({"type": "PHONE", "values": ["1"]}));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        body,
        json!({"error": "", "error_description": "Communication type is not defined."})
    );
}

#[tokio::test]
async fn an_answer_has_the_envelope_and_the_escapes_of_php() {
    let desk = desk().await;
    desk.deal(json!({"TITLE": "a/b & Заказ"})).await;
    let url = format!("{}crm.deal.list", desk.portal.url());
    let text = desk
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(text.contains("a\\/b \\u0026 \\u0417"), "{text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["total"], 1);
    assert!(body.get("next").is_none());
    for key in [
        "start",
        "finish",
        "duration",
        "processing",
        "date_start",
        "operating",
        "operating_reset_at",
    ] {
        assert!(!body["time"][key].is_null(), "{key}");
    }
}

#[tokio::test]
async fn wrong_credentials_scopes_and_methods_are_told_apart() {
    let options = Options {
        webhook_scopes: vec!["crm".into()],
        ..Options::default()
    };
    let desk = desk_with(options).await;
    let wrong = format!("http://{}/rest/1/wrong/server.time", desk.portal.addr());
    let answer = desk.client.get(wrong).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(
        answer.json::<Value>().await.unwrap()["error"],
        "INVALID_CREDENTIALS"
    );
    assert_eq!(
        desk.refused("user.current", json!({})).await.1,
        "insufficient_scope"
    );
    let missing = desk.refused("crm.no.such", json!({})).await;
    assert_eq!(
        (missing.0, missing.1),
        (404, json!("ERROR_METHOD_NOT_FOUND"))
    );
    assert_eq!(desk.refused("event.bind", json!({})).await.0, 403);
    desk.portal.revoke_webhook();
    assert_eq!(desk.refused("server.time", json!({})).await.0, 401);
}

#[tokio::test]
async fn a_batch_feeds_later_commands_from_earlier_answers() {
    let desk = desk().await;
    // Written by hand, because the order of the keys is the point.
    let body = r#"{"halt": 1, "cmd": {
        "zdeal": "crm.deal.add?fields[TITLE]=%D0%97%26%D0%B0",
        "arows": "crm.deal.productrows.set?id=$result[zdeal]&rows[0][PRICE]=5&rows[0][QUANTITY]=2",
        "find": "crm.deal.list?filter[ID]=$result[zdeal]&select[]=TITLE",
        "get": "crm.item.get?entityTypeId=2&id=$result[find][0][ID]"
    }}"#;
    let request = desk.client.post(format!("{}batch", desk.portal.url()));
    let request = request
        .header("content-type", "application/json")
        .body(body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let answer = &answer["result"];
    assert_eq!(answer["result"]["zdeal"], 1);
    assert_eq!(
        answer["result"]["find"],
        json!([{"ID": "1", "TITLE": "З&а"}])
    );
    assert_eq!(answer["result"]["get"]["item"]["opportunity"], 10);
    assert_eq!(answer["result_total"], json!({"find": 1}));
    assert_eq!(answer["result_error"], json!([]));
    assert_eq!(answer["result_next"], json!([]));
    assert!(answer["result_time"]["arows"]["duration"].is_number());
}

#[tokio::test]
async fn a_batch_reports_each_failure_and_halts_only_when_told() {
    let desk = desk().await;
    let cmd = json!(
        {
            "a": "crm.deal.get?id=9", "b": "crm.deal.get?id=$result[a][ID]", "c": "batch?cmd[x]=y",
                "d": "server.time"
        }
    );
    let all = desk.get("batch", json!({"cmd": cmd})).await;
    assert_eq!(
        all["result_error"]["a"],
        json!({"error": "", "error_description": "Not found"})
    );
    assert_eq!(
        all["result_error"]["b"]["error_description"],
        "ID is not defined or invalid."
    );
    assert_eq!(
        all["result_error"]["c"]["error"],
        "ERROR_BATCH_METHOD_NOT_ALLOWED"
    );
    assert!(all["result"]["d"].is_string());
    let halted = desk.get("batch", json!({"cmd": cmd, "halt": true})).await;
    assert_eq!(halted["result"], json!([]));
    assert_eq!(halted["result_error"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn commands_beyond_fifty_fail_one_by_one() {
    let desk = desk().await;
    let cmd: Vec<&str> = vec!["server.time"; 52];
    let answer = desk.get("batch", json!({"cmd": cmd})).await;
    assert_eq!(answer["result"].as_array().unwrap().len(), 50);
    assert_eq!(
        answer["result_error"]["51"]["error"],
        "ERROR_BATCH_LENGTH_EXCEEDED"
    );
}

#[tokio::test]
async fn numbered_commands_that_all_fail_lose_their_keys() {
    let desk = desk().await;
    let answer = desk
        .get(
            "batch",
            json!({"cmd": {"0": "crm.deal.get?id=1", "1": "crm.deal.get?id=2"}}),
        )
        .await;
    assert!(answer["result_error"].is_array(), "{answer}");
    assert_eq!(answer["result"], json!([]));
}

#[tokio::test]
async fn a_form_encoded_batch_is_decoded_twice() {
    let desk = desk().await;
    let url = format!("{}batch", desk.portal.url());
    let form = [("cmd[d]", "crm.deal.add?fields[TITLE]=a%26b%25")];
    let answer: Value = desk
        .client
        .post(url)
        .form(&form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["result"]["result"]["d"], 1);
    assert_eq!(desk.portal.deal(1).unwrap()["TITLE"], "a&b%");
}

#[tokio::test]
async fn an_application_gets_renews_and_loses_its_tokens() {
    let desk = desk_with(
        Options::default()
            .app(LocalApp::new("app.1", "s3cret"))
            .plan(Plan::Unlimited),
    )
    .await;
    let base = format!("http://{}", desk.portal.addr());
    let login = desk
        .client
        .get(format!("{base}/oauth/authorize/?client_id=app.1&state=xyz"));
    let answer = login.send().await.unwrap();
    assert_eq!(answer.status(), 302);
    let location = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let part = |name: &str| {
        location
            .query_pairs()
            .find(|(k, _)| k == name)
            .unwrap()
            .1
            .into_owned()
    };
    assert_eq!(part("state"), "xyz");
    let token = async |query: &[(&str, &str)]| {
        let mut all = vec![("client_id", "app.1"), ("client_secret", "s3cret")];
        all.extend(query);
        let request = desk.client.post(format!("{base}/oauth/token/")).form(&all);
        let answer = request.send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap(),
        )
    };
    let code = part("code");
    let (_, first) = token(&[("grant_type", "authorization_code"), ("code", &code)]).await;
    assert_eq!(first["expires_in"], 3600);
    let again = token(&[("grant_type", "authorization_code"), ("code", &code)]).await;
    assert_eq!((again.0, &again.1["error"]), (400, &json!("invalid_grant")));
    let call = async |token: &Value| {
        let url = format!(
            "{base}/rest/app.info?auth={}",
            token["access_token"].as_str().unwrap()
        );
        desk.client.get(url).send().await.unwrap().status().as_u16()
    };
    assert_eq!(call(&first).await, 200);
    desk.portal.expire_tokens();
    assert_eq!(call(&first).await, 401);
    let refresh = first["refresh_token"].as_str().unwrap();
    let (_, second) = token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert_eq!(call(&second).await, 200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(
        token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)])
            .await
            .0,
        400
    );
    let stranger = [("client_id", "nobody"), ("grant_type", "refresh_token")];
    let answer = desk
        .client
        .get(format!("{base}/oauth/token/"))
        .query(&stranger)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.json::<Value>().await.unwrap()["error"],
        "wrong_client"
    );
}

#[tokio::test]
async fn https_is_demanded_where_it_is_switched_on() {
    let desk = desk_with(Options {
        require_https: true,
        ..Options::default()
    })
    .await;
    let refused = desk.refused("server.time", json!({})).await;
    assert_eq!((refused.0, refused.1), (400, json!("INVALID_REQUEST")));
    let url = format!("{}server.time", desk.portal.url());
    let secure = desk.client.get(url).header("x-forwarded-proto", "https");
    assert_eq!(secure.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn parameters_that_a_description_does_not_know_are_noted() {
    let folder = tempfile::tempdir().unwrap();
    let schema = json!({"method": "crm.deal.get", "params": [{"name": "id", "base": "integer"}]});
    std::fs::write(folder.path().join("crm.deal.get.json"), schema.to_string()).unwrap();
    let options = Options {
        spec_dir: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let desk = desk_with(options).await;
    desk.ask("crm.deal.get", json!({"id": 1, "dealId": 1}))
        .await;
    let warnings: Vec<String> = desk.portal.stats().warnings.into_iter().collect();
    assert_eq!(warnings, ["crm.deal.get: unknown parameter dealId"]);
}
