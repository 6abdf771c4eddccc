//! Bodies of the shapes that services really post, with made-up people.

mod body;

use super::*;
use crate::domain::{FormField, FormService, FormTarget, Readable, form_field_name};
use std::fmt::Write as _;

fn rules() -> FormRules {
    FormRules {
        name: "callback".to_owned(),
        service: FormService::Auto,
        fields: std::collections::BTreeMap::new(),
        becomes: FormTarget::Auto,
        source_id: "WEB".to_owned(),
        responsible_id: None,
        funnel: 0,
        same_within: 300.0,
        honeypot: None,
        join_open: false,
        require_consent: false,
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn sent(kind: &str, body: &[u8]) -> (Submission, Enquiry) {
    let submission = submission(FormService::Auto, read_body(kind, body));
    let enquiry = read(&rules(), "7", &submission);
    (submission, enquiry)
}

/// Form-encoded, with the letters of a charset.
fn encoded(pairs: &[(&str, &str)], charset: &'static encoding_rs::Encoding) -> String {
    let part = |text: &str| {
        let (bytes, ..) = charset.encode(text);
        percent_encoding::percent_encode(&bytes, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", part(name), part(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn is_anna(enquiry: &Enquiry) {
    assert_eq!(enquiry.name.as_deref(), Some("Анна Смирнова"));
    assert_eq!(enquiry.phones[0].as_str(), "+79161234567");
    assert_eq!(enquiry.emails, ["anna@example.com"]);
    assert_eq!(enquiry.comment.as_deref(), Some("Перезвоните после шести"));
}

const ANNA: [(&str, &str); 4] = [
    ("Имя", "Анна Смирнова"),
    ("Телефон", "8 (916) 123-45-67"),
    ("E-mail", "Anna@Example.com"),
    ("Комментарий", "Перезвоните после шести"),
];

#[test]
fn a_plain_form_is_read_in_both_charsets_said_or_not() {
    for charset in [encoding_rs::UTF_8, encoding_rs::WINDOWS_1251] {
        let body = encoded(&ANNA, charset);
        for kind in [
            FORM.to_owned(),
            format!("{FORM}; charset={}", charset.name()),
        ] {
            let (submission, enquiry) = sent(&kind, body.as_bytes());
            assert_eq!(submission.service, FormService::Html);
            is_anna(&enquiry);
        }
    }
}

#[test]
fn multipart_is_read_in_both_charsets_and_files_are_told_and_not_taken() {
    for charset in [encoding_rs::UTF_8, encoding_rs::WINDOWS_1251] {
        let mut text = String::new();
        for (name, value) in ANNA {
            let _ = write!(
                text,
                "--XyZ\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        text.push_str(
            "--XyZ\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"cat.jpg\"\r\n\
             Content-Type: image/jpeg\r\n\r\n\u{1}\u{2}\r\n--XyZ--\r\n",
        );
        let (body, ..) = charset.encode(&text);
        let (submission, enquiry) = sent("multipart/form-data; boundary=XyZ", &body);
        is_anna(&enquiry);
        assert_eq!(submission.files, ["cat.jpg"]);
        assert!(enquiry.rest.iter().any(|line| line.ends_with("cat.jpg")));
    }
}

#[test]
fn a_form_of_tilda_carries_its_own_id_and_a_cart() {
    let payment = r#"{"orderid":"1450","products":[{"name":"Чайник","quantity":2,"price":"1500"}],
        "amount":"3000","delivery":"Курьер"}"#;
    let pairs = [
        ("Name", "Анна Смирнова"),
        ("Phone", "+7 (916) 123-45-67"),
        ("Email", "anna@example.com"),
        ("Textarea", "Перезвоните после шести"),
        ("Checkbox", "yes"),
        ("utm_source", "yandex"),
        ("payment", payment),
        ("tranid", "123456:7890"),
        ("formid", "form1234567"),
        ("formname", "Cart"),
        (
            "COOKIES",
            "a=b; TILDAUTM=utm_source%3Dgoogle%7C%7C%7Cutm_medium%3Dcpc%7C%7C%7C; c=d",
        ),
    ];
    let (submission, enquiry) = sent(FORM, encoded(&pairs, encoding_rs::UTF_8).as_bytes());
    assert_eq!(submission.service, FormService::Tilda);
    assert_eq!(submission.id.as_deref(), Some("123456:7890"));
    is_anna(&enquiry);
    assert_eq!(enquiry.utm.source.as_deref(), Some("yandex"));
    assert_eq!(enquiry.utm.medium.as_deref(), Some("cpc"));
    assert_eq!(
        enquiry.consent,
        Some(("Checkbox".to_owned(), "yes".to_owned()))
    );
    for line in [
        "Чайник: 2 × 1500",
        "Сумма: 3000",
        "Доставка: Курьер",
        "Заказ: 1450",
    ] {
        assert!(
            enquiry.rest.contains(&line.to_owned()),
            "{line}: {:?}",
            enquiry.rest
        );
    }
    // The same cart as members, and old ones as lines.
    let members = "tranid=1&payment[products][0]=Kettle - 2x1500 %3D \
                   3000&payment[amount]=3000&Phone=89161234567";
    let (_, enquiry) = sent(FORM, members.as_bytes());
    assert_eq!(enquiry.rest, ["Kettle - 2x1500 = 3000", "Сумма: 3000"]);
}

#[test]
fn forms_of_elementor_go_by_their_labels_in_both_shapes() {
    let simple = [
        ("Ваше имя", "Анна Смирнова"),
        ("Номер телефона", "89161234567"),
        ("Ваш E-mail", "anna@example.com"),
        ("Ваше сообщение", "Перезвоните после шести"),
        ("User Agent", "Mozilla"),
        ("form_id", "a1b2c3"),
        ("form_name", "New Form"),
    ];
    let (submission, enquiry) = sent(FORM, encoded(&simple, encoding_rs::UTF_8).as_bytes());
    assert_eq!(submission.service, FormService::Elementor);
    is_anna(&enquiry);
    let advanced = [
        ("form[id]", "a1b2c3"),
        ("form[name]", "New Form"),
        ("fields[name][id]", "name"),
        ("fields[name][title]", "Как вас зовут?"),
        ("fields[name][value]", "Анна Смирнова"),
        ("fields[name][raw_value]", "Анна Смирнова"),
        ("fields[field_7b2][title]", "Телефон"),
        ("fields[field_7b2][value]", "89161234567"),
        ("fields[email][title]", "Email"),
        ("fields[email][value]", "anna@example.com"),
        ("fields[message][title]", "Вопрос"),
        ("fields[message][value]", "Перезвоните после шести"),
        ("meta[page_url][title]", "Page URL"),
        ("meta[page_url][value]", "https://shop.example/kettles"),
    ];
    let (submission, enquiry) = sent(FORM, encoded(&advanced, encoding_rs::UTF_8).as_bytes());
    assert_eq!(submission.service, FormService::Elementor);
    is_anna(&enquiry);
    assert_eq!(enquiry.rest, ["page_url: https://shop.example/kettles"]);
}

#[test]
fn a_form_of_contact_form_7_is_read_from_json_and_its_own_fields_are_dropped() {
    let body = r#"{"_wpcf7":"12","_wpcf7_unit_tag":"wpcf7-f12-o1","your-name":"Анна Смирнова",
        "tel-123":"8 916 123-45-67",
        "your-email":"anna@example.com","your-message":"Перезвоните после шести",
        "acceptance-5":"1","menu-1":["Чай","Кофе"]}"#;
    for kind in ["application/json", "text/plain", ""] {
        let (submission, enquiry) = sent(kind, body.as_bytes());
        assert_eq!(submission.service, FormService::Cf7);
        is_anna(&enquiry);
        assert!(enquiry.consent.is_some());
        assert!(
            enquiry.rest.contains(&"menu-1[1]: Кофе".to_owned()),
            "{:?}",
            enquiry.rest
        );
        assert!(!enquiry.rest.iter().any(|line| line.contains("_wpcf7")));
    }
}

#[test]
fn a_form_of_gravity_forms_has_numbers_for_names() {
    let body = r#"{"id":"77","form_id":"3","date_created":"2026-01-02 10:00:00","ip":"203.0.113.5",
        "source_url":"https://shop.example/",
        "1.3":"Анна","1.6":"Смирнова","2":"(916) 123-45-67","3":"anna@example.com",
        "4":"Хочу чайник"}"#;
    let (submission, enquiry) = sent("application/json", body.as_bytes());
    assert_eq!(submission.service, FormService::Gravity);
    assert_eq!(submission.id.as_deref(), Some("3-77"));
    assert_eq!(enquiry.name.as_deref(), Some("Анна"));
    assert_eq!(enquiry.last_name.as_deref(), Some("Смирнова"));
    assert_eq!(enquiry.phones[0].as_str(), "+79161234567");
    assert_eq!(enquiry.emails, ["anna@example.com"]);
    assert!(enquiry.rest.contains(&"4: Хочу чайник".to_owned()));
    assert!(!enquiry.rest.iter().any(|line| line.contains("203.0.113.5")));
}

#[test]
fn the_configured_map_goes_before_the_usual_names() {
    let mut rules = rules();
    for (name, field) in [
        ("Куда звонить?", FormField::Phone),
        ("имя", FormField::Comment),
        ("Город", FormField::User("UF_CRM_CITY".to_owned())),
    ] {
        rules.fields.insert(form_field_name(name), field);
    }
    let pairs = [
        ("куда_звонить", "89161234567"),
        ("Имя", "хочу чай"),
        ("ГОРОД", "Тюмень"),
    ];
    let body = encoded(&pairs, encoding_rs::UTF_8);
    let submission = submission(FormService::Auto, read_body(FORM, body.as_bytes()));
    let enquiry = read(&rules, "7", &submission);
    assert_eq!(enquiry.phones.len(), 1);
    assert_eq!(
        (enquiry.name, enquiry.comment.as_deref()),
        (None, Some("хочу чай"))
    );
    assert_eq!(enquiry.user["UF_CRM_CITY"], "Тюмень");
}

#[test]
fn what_is_no_phone_and_no_body_is_kept_to_be_read() {
    let body = encoded(
        &[("phone", "позвоните Ивану"), ("email", "нет")],
        encoding_rs::UTF_8,
    );
    let (_, enquiry) = sent(FORM, body.as_bytes());
    assert!(!enquiry.has_contact());
    let told = [
        Readable::Phone("позвоните Ивану".to_owned()),
        Readable::Email("нет".to_owned()),
    ];
    assert_eq!(enquiry.readable, told);
    let (submission, enquiry) = sent("application/json", b"{\"phone\": ");
    assert!(!enquiry.has_contact());
    assert_eq!(submission.fields[0].name, UNREADABLE);
    for broken in [
        &b"\xff\xfe\x00"[..],
        b"a=%00%ff&=&%",
        b"--\r\n",
        b"[[[[[[[[[[[[1]]]]]]]]]]]]",
    ] {
        for kind in [
            FORM,
            "application/json",
            "multipart/form-data; boundary=",
            "multipart/form-data",
        ] {
            let (submission, _) = sent(kind, broken);
            assert!(
                submission
                    .fields
                    .iter()
                    .all(|field| !field.value.contains('\0'))
            );
        }
    }
}

#[test]
fn a_ping_is_a_test_and_nothing_else() {
    assert!(is_ping(&read_body(FORM, b"test=test")));
    assert!(is_ping(&read_body(FORM, b"")));
    assert!(!is_ping(&read_body(FORM, b"test=test&phone=89161234567")));
    assert!(!is_ping(&read_body(FORM, b"test=1")));
}

#[test]
fn robots_fill_in_what_nobody_sees_and_consent_is_a_ticked_box() {
    let mut rules = rules();
    rules.honeypot = Some("web-site".to_owned());
    rules.require_consent = true;
    let judged = |body: &str| {
        let submission = submission(FormService::Auto, read_body(FORM, body.as_bytes()));
        let enquiry = read(&rules, "7", &submission);
        judge(&rules, &submission, &enquiry)
    };
    assert_eq!(
        judged("phone=89161234567&web_site=http://spam&agree=1"),
        Verdict::Robot
    );
    assert_eq!(
        judged("phone=89161234567&web_site=&agree=1"),
        Verdict::Taken
    );
    for refused in ["", "&agree=0", "&agree=no", "&agree="] {
        let body = format!("phone=89161234567{refused}");
        assert_eq!(judged(&body), Verdict::NoConsent, "{body}");
    }
}

#[test]
fn the_same_is_the_same_whatever_its_case_and_blanks_and_the_services_id_decides() {
    let print = |body: &str| {
        let submission = submission(FormService::Auto, read_body(FORM, body.as_bytes()));
        fingerprint(&rules(), &submission, &read(&rules(), "7", &submission))
    };
    let first = print("name=Anna&phone=89161234567&message=Hello there&color=Red");
    assert_eq!(
        first,
        print("message=hello  there&color=red&phone=%2B7 916 123-45-67&name=ANNA")
    );
    for other in [
        "name=Anna&phone=89161234568&message=Hello there&color=Red",
        "name=Anna&phone=89161234567&message=Hello there&color=Blue",
        "name=Anna&phone=89161234567&message=Hello&color=Red",
    ] {
        assert_ne!(first, print(other), "{other}");
    }
    assert_eq!(
        print("tranid=5&phone=89161234567"),
        print("tranid=5&phone=89160000000")
    );
    assert_ne!(
        print("tranid=5&phone=89161234567"),
        print("tranid=6&phone=89161234567")
    );
}

#[test]
fn a_file_of_any_size_leaves_what_was_written_beside_it_however_the_body_is_cut() {
    let file = vec![b'-'; 30_000];
    let mut body = b"before\r\n--XyZ\r\nContent-Disposition: form-data; name=\"photo\"; \
        filename=\"cat.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
        .to_vec();
    body.extend_from_slice(&file);
    body.extend_from_slice(
        "\r\n--XyZ\r\nContent-Disposition: form-data; name=\"none\"; filename=\"\"\r\n\r\n\r\n\
         --XyZ\r\nno head at all--XyZ\r\nContent-Disposition: form-data; name=\"Телефон\"\r\n\r\n\
         89161234567\r\n--XyZ--\r\n"
            .as_bytes(),
    );
    let kind = "Multipart/Form-Data; boundary=\"XyZ\"";
    let whole = read_body(kind, &body);
    for length in [1, 2, 3, 7, 64, 1_000, 100_000] {
        let mut parts = WithoutFiles::new(kind).unwrap();
        let kept = body.chunks(length).map(|piece| parts.push(piece)).max();
        assert!(kept.unwrap() < 500, "{kept:?} bytes are kept");
        assert_eq!(read_body(kind, &parts.kept()), whole, "cut by {length}");
    }
    assert_eq!(whole.files, ["cat.jpg"]);
    assert_eq!(
        read(&rules(), "7", &submission(FormService::Auto, whole))
            .phones
            .len(),
        1
    );
    for other in [
        FORM,
        "multipart/form-data",
        "multipart/form-data; boundary=",
    ] {
        assert!(WithoutFiles::new(other).is_none(), "{other}");
    }
}

#[test]
fn what_a_field_is_is_told_by_its_kind_by_a_word_of_its_name_and_within_members() {
    let advanced = [
        ("form[id]", "a1b2c3"),
        ("fields[field_1][title]", "Куда вам позвонить"),
        ("fields[field_1][type]", "tel"),
        ("fields[field_1][value]", "89161234567"),
        ("fields[field_2][title]", "Куда написать"),
        ("fields[field_2][type]", "email"),
        ("fields[field_2][value]", "anna@example.com"),
        ("fields[field_3][title]", "Я не против"),
        ("fields[field_3][type]", "acceptance"),
        ("fields[field_3][value]", "on"),
    ];
    let worded = [
        ("Телефон для связи (WhatsApp)", "8 916 123-45-67"),
        ("Рабочая почта", "anna@example.com"),
        ("Согласие", "да"),
    ];
    for pairs in [&advanced[..], &worded[..]] {
        let (_, enquiry) = sent(FORM, encoded(pairs, encoding_rs::UTF_8).as_bytes());
        assert_eq!(enquiry.phones[0].as_str(), "+79161234567");
        assert_eq!(enquiry.emails, ["anna@example.com"]);
        assert!(enquiry.consent.is_some());
    }
    let quiz = r#"{"quiz":{"id":"1","name":"Подбор чайника"},"answers":[{"q":"Объём","a":"2 л"}],
        "contacts":{"name":"Анна","phone":"89161234567","email":"anna@example.com"}}"#;
    let (_, enquiry) = sent("application/json", quiz.as_bytes());
    assert_eq!(enquiry.name.as_deref(), Some("Анна"));
    assert_eq!(enquiry.phones[0].as_str(), "+79161234567");
    assert_eq!(enquiry.emails, ["anna@example.com"]);
    // A word alone is not enough: what is written there counts, too.
    let body = encoded(
        &[("phone model", "iPhone 12"), ("Номер заказа", "1234567")],
        encoding_rs::UTF_8,
    );
    let (_, enquiry) = sent(FORM, body.as_bytes());
    assert!(!enquiry.has_contact());
    assert_eq!(
        enquiry.rest,
        ["phone model: iPhone 12", "Номер заказа: 1234567"]
    );
}

#[test]
fn services_without_a_shape_of_their_own_are_read_by_the_names_within() {
    let filaforms = r#"{"id":"msg_1","type":"submission.created","timestamp":"2026-01-02T10:00:00Z",
        "data":{"form":{"id":"f1"},"submission":{"id":"s1","fields":{"name":"Анна Смирнова",
        "phone":"8 916 123-45-67","email":"anna@example.com",
        "message":"Перезвоните после шести"}}}}"#;
    let taplink = r#"{"name":"Анна Смирнова","email":"Anna@example.com","phone":"+7 916 123 45 67",
        "message":"Перезвоните после шести","page_id":"12"}"#;
    let linkrr = r#"{"sign":"0a1b","info":{"lead_id":5},"data":{"name":"Анна Смирнова",
        "email":"anna@example.com","phone":"89161234567",
        "fields":{"Комментарий":"Перезвоните после шести"}}}"#;
    for body in [filaforms, taplink, linkrr] {
        let (submission, enquiry) = sent("application/json", body.as_bytes());
        assert_eq!(submission.service, FormService::Html, "{body}");
        is_anna(&enquiry);
    }
}

#[test]
fn campaign_marks_are_taken_from_the_address_of_the_page_where_the_form_has_none() {
    let page = "https://shop.example/?utm_source=vk&UTM_Medium=social&utm_term=%D1%87%D0%B0%D0%B9";
    for name in ["Page URL", "source_url", "meta[page_url][value]"] {
        let own = ("form[id]", "1");
        let field = ("fields[p][value]", "89161234567");
        let mut pairs = vec![
            ("phone", "89161234567"),
            ("utm_source", "yandex"),
            (name, page),
        ];
        if name.starts_with("meta") {
            pairs.extend([own, field]);
        }
        let (_, enquiry) = sent(FORM, encoded(&pairs, encoding_rs::UTF_8).as_bytes());
        assert_eq!(enquiry.utm.source.as_deref(), Some("yandex"), "{name}");
        assert_eq!(enquiry.utm.medium.as_deref(), Some("social"), "{name}");
        assert_eq!(enquiry.utm.term.as_deref(), Some("чай"), "{name}");
    }
}
