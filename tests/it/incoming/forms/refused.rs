//! What is kept, what cannot be answered, and what the portal refuses.

use super::{ANNA, Site, TOKEN};
use b24_bridge::{
    app::{Actor, LetterFilter, Retry},
    sandbox::{self},
};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test]
async fn robots_and_missing_consent_are_kept_and_can_be_delivered_after_all() {
    let site = Site::new(sandbox::Options::default()).await;
    site.send(
        "callback",
        &[("phone", "89160000001"), ("website", "http://spam")],
    )
    .await;
    let answer = site.post("strict", &[("phone", "89160000002")]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let thanks = "https://shop.example/%D1%81%D0%BF%D0%B0%D1%81%D0%B8%D0%B1%D0%BE";
    assert_eq!(answer.headers()["location"], thanks);
    let kept = site.submissions().await;
    let states: Vec<&str> = kept.iter().map(|one| one.state).collect();
    assert_eq!(states, ["no_consent", "robot"]);
    let who = Actor::new("operator:anna");
    for one in &kept {
        site.app
            .forms
            .restore_submission(one.id, &who)
            .await
            .unwrap();
        assert!(
            site.app
                .forms
                .restore_submission(one.id, &who)
                .await
                .is_err()
        );
    }
    site.done(2).await;
    assert_eq!(site.portal.leads().len(), 2);
    site.post("strict", &[("phone", "89160000003"), ("Согласие", "да")])
        .await;
    site.done(3).await;
}

#[tokio::test]
async fn a_test_of_the_service_and_a_look_store_nothing_and_a_wrong_address_is_none() {
    let site = Site::idle(sandbox::Options::default()).await;
    site.send("callback", &[("test", "test")]).await;
    let answer = site.post("strict", &[("test", "test")]).await;
    assert_eq!(
        answer.status(),
        StatusCode::OK,
        "a service follows no redirect"
    );
    let url = format!("{}/forms/main/callback", site.url);
    for (path, status) in [
        (TOKEN, StatusCode::OK),
        ("wrong-0123456789abc", StatusCode::NOT_FOUND),
    ] {
        let url = format!("{url}/{path}");
        assert_eq!(site.http.get(&url).send().await.unwrap().status(), status);
        assert_eq!(site.http.head(&url).send().await.unwrap().status(), status);
        let posted = site
            .http
            .post(&url)
            .form(&[("test", "test")])
            .send()
            .await
            .unwrap();
        assert_eq!(posted.status(), status);
    }
    assert_eq!(
        site.post("other", &ANNA).await.status(),
        StatusCode::NOT_FOUND
    );
    let large = "x".repeat(1024 * 1024);
    let answer = site.post("callback", &[("message", &large)]).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(site.submissions().await.is_empty());
}

#[tokio::test]
async fn a_form_whose_method_is_get_is_taken_and_a_look_at_its_address_is_not() {
    let site = Site::idle(sandbox::Options::default()).await;
    let url = format!("{}/forms/main/callback/{TOKEN}", site.url);
    for look in [
        "",
        "?",
        "?utm_source=yandex",
        "?name=Anna&phone=",
        "?test=test",
    ] {
        let answer = site.http.get(format!("{url}{look}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{look}");
    }
    let filled = format!("{url}?name=Anna&phone=8%20916%20123-45-67&utm_source=yandex");
    let head = site.http.head(&filled).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert!(site.submissions().await.is_empty());
    for _ in 0..2 {
        let answer = site.http.get(&filled).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "ok");
    }
    assert_eq!(site.submissions().await.len(), 1);
    site.work();
    site.done(1).await;
    let lead = &site.portal.leads()[0];
    assert_eq!(
        (&lead["NAME"], &lead["UTM_SOURCE"]),
        (&json!("Anna"), &json!("yandex"))
    );
}

#[tokio::test]
async fn a_form_with_a_large_file_is_taken_without_it() {
    let site = Site::new(sandbox::Options::default()).await;
    let url = format!("{}/forms/main/callback/{TOKEN}", site.url);
    let with = async |size: usize, words: usize| {
        let body = format!(
            "--XyZ\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"cat.jpg\"\r\n\r\n\
             {}\r\n--XyZ\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n{}\r\n\
             --XyZ\r\nContent-Disposition: form-data; name=\"phone\"\r\n\r\n\
             89161234567\r\n--XyZ--\r\n",
            "x".repeat(size),
            "y".repeat(words),
        );
        let kind = "multipart/form-data; boundary=XyZ";
        let request = site.http.post(&url).header("content-type", kind).body(body);
        request.send().await.map(|answer| answer.status())
    };
    assert_eq!(with(3 * 1024 * 1024, 5).await.unwrap(), StatusCode::OK);
    site.done(1).await;
    let comment = &site.portal.leads()[0]["COMMENTS"];
    assert_eq!(comment, "yyyyy\nФайл не принят: cat.jpg");
    // Words are bounded as before, and so is the whole.
    let refused = with(5, 1024 * 1024).await.unwrap();
    assert_eq!(refused, StatusCode::PAYLOAD_TOO_LARGE);
    if let Ok(status) = with(26 * 1024 * 1024, 5).await {
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    }
    assert_eq!(site.submissions().await.len(), 1);
}

#[tokio::test]
async fn a_script_of_another_site_may_post_json() {
    let site = Site::idle(sandbox::Options::default()).await;
    let ask = async |token: &str| {
        let url = format!("{}/forms/main/callback/{token}", site.url);
        let request = site.http.request(reqwest::Method::OPTIONS, url);
        let request = request
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type");
        request.send().await.unwrap()
    };
    let answer = ask(TOKEN).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    for (header, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", "content-type"),
    ] {
        assert_eq!(answer.headers()[header], value);
    }
    assert_eq!(
        ask("wrong-0123456789abc").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_form_that_nobody_can_answer_is_a_dead_letter_that_can_be_mended() {
    let site = Site::new(sandbox::Options::default()).await;
    site.send(
        "callback",
        &[("Имя", "Анна"), ("Куда звонить", "89161234567")],
    )
    .await;
    let letters = site
        .app
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await
        .unwrap();
    let letter = &letters.items[0];
    assert_eq!(
        (&*letter.code, letter.number.as_deref()),
        ("FORM-NO-CONTACT", Some("form:1"))
    );
    let who = Actor::new("operator:anna");
    let wrong = Retry {
        payload: Some(json!({"nonsense": true})),
        ..Retry::default()
    };
    assert!(
        site.app
            .dead_letters
            .retry(letter.id, &who, wrong)
            .await
            .is_err()
    );
    let mut mended = letter.payload.clone();
    mended["fields"][1]["name"] = json!("Телефон");
    let retry = Retry {
        payload: Some(mended),
        ..Retry::default()
    };
    site.app
        .dead_letters
        .retry(letter.id, &who, retry)
        .await
        .unwrap();
    site.done(1).await;
    assert_eq!(site.portal.leads()[0]["PHONE"][0]["VALUE"], "+79161234567");
    let left = site
        .app
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await
        .unwrap();
    assert!(left.items.is_empty());
}

#[tokio::test]
async fn what_the_portal_refuses_is_tried_again_and_ends_as_a_dead_letter() {
    let site = Site::new(sandbox::Options::default()).await;
    let field = json!({"FIELD_NAME": "CITY", "USER_TYPE_ID": "string", "MANDATORY": "Y"});
    site.ask("crm.lead.userfield.add", json!({ "fields": field }))
        .await;
    site.send("callback", &ANNA).await;
    site.until("dead", async |site| {
        let letters = site
            .app
            .dead_letters
            .dead_letters(&LetterFilter::default())
            .await;
        !letters.unwrap().items.is_empty()
    })
    .await;
    let letters = site
        .app
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await
        .unwrap();
    let letter = &letters.items[0];
    assert_eq!((&*letter.code, letter.attempts), ("B24-REFUSED", 2));
    // Nobody else waits for it.
    let mut whole = ANNA.to_vec();
    whole.push(("Город", "Тюмень"));
    site.send("callback", &whole).await;
    site.done(1).await;
    assert_eq!(site.portal.leads()[0]["UF_CRM_CITY"], "Тюмень");
    let who = Actor::new("operator:anna");
    site.app
        .dead_letters
        .discard(letter.id, &who, "answered by mail")
        .await
        .unwrap();
}

#[tokio::test]
async fn an_alarm_is_raised_when_a_form_that_had_phones_has_none() {
    let site = Site::idle(sandbox::Options::default()).await;
    let notices = async || site.app.intake.shop_notices().await.unwrap();
    let send = async |nth: usize, name: &str| {
        let mail = format!("a{nth}@example.com");
        let phone = format!("8916{nth:07}");
        site.send("callback", &[("email", &mail), (name, &phone)])
            .await;
    };
    for nth in 0..10 {
        send(nth, "phone").await;
    }
    for nth in 10..14 {
        send(nth, "renamed").await;
    }
    assert!(notices().await.is_empty(), "four may be chance");
    send(14, "renamed").await;
    let told = notices().await;
    assert_eq!(
        (&*told[0].code, &*told[0].message),
        ("FORM-MAP-BROKEN", "callback")
    );
    send(15, "phone").await;
    assert!(notices().await.is_empty());
}

#[tokio::test]
async fn a_form_with_more_fields_than_are_read_is_kept_whole_and_its_visitor_sees_success() {
    let site = Site::new(sandbox::Options::default()).await;
    let mut fields: Vec<(String, String)> = (0..1_000)
        .map(|nth| (format!("field-{nth}"), "x".to_owned()))
        .collect();
    fields.push(("phone".to_owned(), "89160000003".to_owned()));
    fields.push(("name".to_owned(), "Анна".to_owned()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (&**a, &**b)).collect();
    site.send("callback", &fields).await;
    let kept = site.submissions().await;
    let [one] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!(one.state, "too_many");
    assert_eq!(one.code.as_deref(), Some("FORM-TOO-MANY"));
    let body = one.body.as_ref().unwrap().to_string();
    assert!(body.contains("phone: 89160000003"), "nothing is lost");
    let who = Actor::new("operator:anna");
    site.app
        .forms
        .restore_submission(one.id, &who)
        .await
        .unwrap();
    assert_ne!(site.submissions().await[0].state, "too_many");
}
