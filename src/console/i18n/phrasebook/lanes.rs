//! Sentences about what stops a lane, about callbacks and applications.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    // what stops a portal's lane
    (
        "there is no connection to {}: {*}",
        "нет соединения с {}: {*}",
    ),
    ("no answer came from {}: {*}", "ответ от {} не пришёл: {*}"),
    ("the time was over", "время ожидания вышло"),
    (
        "understand the portal's answer (HTTP {}): {}",
        "ответ портала непонятен (HTTP {}): {}",
    ),
    (
        "read the portal's answer (HTTP {}): it is larger than {} bytes unpacked, or needs far \
         more than that in memory",
        "ответ портала (HTTP {}) не прочитан: распакованный, он больше {} байт или займёт намного \
         больше памяти",
    ),
    (
        "the portal sends the call to {}: it is not https",
        "портал отправляет запрос на {}: это не https",
    ),
    (
        "the portal sends the call to {}: it is a private address",
        "портал отправляет запрос на {}: это внутренний адрес",
    ),
    (
        "the portal sends the call to {}: its name stands for a private address",
        "портал отправляет запрос на {}: за этим именем внутренний адрес",
    ),
    (
        "the portal sends the call to {}: nobody has allowed it",
        "портал отправляет запрос на {}: этого никто не разрешал",
    ),
    (
        "the portal sends the call to {}: it names no host",
        "портал отправляет запрос на {}: хост не назван",
    ),
    (
        "the portal answered with HTTP {}: {}",
        "портал ответил HTTP {}: {}",
    ),
    ("the portal answered with HTTP {}", "портал ответил HTTP {}"),
    (
        "the portal's request limit is exceeded",
        "превышен лимит запросов портала",
    ),
    (
        "the portal throttles every call",
        "портал отклоняет все запросы из-за лимита",
    ),
    (
        "the method {} is blocked: its execution time is used up",
        "метод {} закрыт: его время выполнения израсходовано",
    ),
    (
        "there is no valid access token: {*}",
        "действующего токена нет: {*}",
    ),
    ("there is no valid access token", "действующего токена нет"),
    (
        "the application was not installed or authorised yet",
        "приложение ещё не установили и не авторизовали",
    ),
    (
        "the application's tokens cannot be had: {*}",
        "получить токены приложения не удалось: {*}",
    ),
    ("renewing them broke off", "обновление прервалось"),
    (
        "another process renews them and does not come to an end",
        "их обновляет другой процесс, и он никак не закончит",
    ),
    (
        "no place in the portal's request limit can be had: {*}",
        "получить место в лимите запросов портала не удалось: {*}",
    ),
    (
        "the process that drives the lane does not answer",
        "процесс, который обслуживает портал, не отвечает",
    ),
    (
        "the portal refuses every call: {}",
        "портал отклоняет все запросы: {}",
    ),
    (
        "the portal shows none of {} deals that the bridge made, and its user is no administrator: \
         he may no longer see them",
        "портал не показывает ни одной из {} сделок, созданных мостом, а его пользователь не \
         администратор: возможно, ему закрыли доступ",
    ),
    (
        "the portal shows none of the contacts or companies that orders are linked with, and its \
         user is no administrator: he may no longer see them",
        "портал не показывает ни одного контакта и ни одной компании, связанных с заказами, а его \
         пользователь не администратор: возможно, ему закрыли доступ",
    ),
    (
        "the portal lets the bridge read, and denies what it writes: {}",
        "портал разрешает мосту читать, но не даёт писать: {}",
    ),
    (
        "the call that asks for it fails, while others are answered",
        "запрос о ней не проходит, хотя на другие портал отвечает",
    ),
    (
        "what the portal answers is no list of rows",
        "то, что отвечает портал, не список строк",
    ),
    (
        "the portal refuses the call (HTTP {}): {}",
        "портал отклонил запрос (HTTP {}): {}",
    ),
    (
        "the portal does not answer: {*} ({})",
        "портал не отвечает: {*} ({})",
    ),
    ("prepare the call: {}", "составить запрос не удалось: {}"),
    ("paused by {}", "остановил {}"),
    (
        "the method {} rests for {} s",
        "метод {} не вызывается {} с",
    ),
    ("the portal answers from {}", "портал отвечает с адреса {}"),
    (
        "{} was called and is not answered yet",
        "на вызов {} ответа ещё нет",
    ),
    (
        "this process has no access to the portal",
        "у этого процесса нет доступа к порталу",
    ),
    (
        "the stages of a funnel are missing from the answer",
        "в ответе нет стадий одной из воронок",
    ),
    // a shop's callback
    (
        "a message was sent and is not answered yet",
        "на отправленное сообщение ответа ещё нет",
    ),
    ("no answer within {} s", "нет ответа за {} с"),
    ("no connection", "нет соединения"),
    ("the connection was refused", "в соединении отказано"),
    ("the connection was reset", "соединение сброшено"),
    ("the network has no way there", "в сети нет пути туда"),
    ("the connection broke off", "соединение оборвалось"),
    ("409 without a snapshot", "409 без состояния заказа"),
    (
        "409 with a snapshot that cannot be used: {}",
        "409 с состоянием заказа, которое нельзя использовать: {}",
    ),
    // applications
    (
        "it was encrypted with a key that is no longer configured",
        "оно зашифровано ключом, которого больше нет в настройках",
    ),
    (
        "the portal is not reached by an application",
        "с этим порталом работают не через приложение",
    ),
    (
        "the portal's identity (member_id) is another than before: set `member_id` in the settings \
         if that is right",
        "портал теперь другой (member_id): если так и надо, укажите `member_id` в настройках",
    ),
    (
        "the tokens are of another application, {}",
        "это токены другого приложения, {}",
    ),
    (
        "the tokens are of another portal, {}",
        "это токены другого портала, {}",
    ),
    (
        "the portal's configured address is none",
        "адрес портала в настройках не похож на адрес",
    ),
    (
        "whoever installed or authorised the application is no administrator of the portal",
        "тот, кто установил или авторизовал приложение, не администратор портала",
    ),
    (
        "it is not renewed before it is confirmed",
        "до подтверждения его не обновляют",
    ),
];
