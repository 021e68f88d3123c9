//! Collections the API answers that no stream reads: what hangs off a contact, and a few dictionaries.

use achub_api::stream::{
    Field,
    Group::{Account, ContactManagement, Crm},
    Read, Stream, Total, array, date, flag, int, ip, links, local_time, text, time,
};

/// Collections beside the stream table.
pub(crate) const EXTRA: &[Stream] = &[
    extra("scoreValues", "scoreValue", SCORE_VALUES),
    extra("contactGoals", "contactGoal", CONTACT_GOALS),
    extra("trackingLogs", "trackingLog", TRACKING_LOGS),
    extra("contactLogs", "contactLog", CONTACT_LOGS),
    extra("geoIps", "geoIp", GEO_IPS),
    extra("geoAddresses", "geoAddress", GEO_ADDRESSES),
    extra("plusAppend", "plusAppend", PLUS_APPEND),
    Stream { group: Account, ..extra("groupLimits", "groupLimit", GROUP_LIMITS) },
    Stream { group: Crm, ..extra("taskOutcomes", "taskOutcome", TASK_OUTCOMES) },
];

const fn extra(name: &'static str, item: &'static str, fields: &'static [Field]) -> Stream {
    Stream {
        name,
        group: ContactManagement,
        path: name,
        envelope: name,
        item: Some(item),
        key: &["id"],
        fields,
        attributes: false,
        read: Read::Offset,
        page_size: 100,
        order: None,
        total: Total::String,
        filters: &[],
        cursor: None,
        parent: None,
        sideloads: &[],
        confidence: achub_api::stream::Confidence::Spec,
        page: "none published",
        quirks: &[],
    }
}

const SCORE_VALUES: &[Field] = &[
    int("score"),
    int("contact"),
    int("deal").null(),
    time("cdate"),
    time("mdate"),
    int("scoreValue"),
    links(),
    int("id"),
];

const CONTACT_GOALS: &[Field] = &[
    int("goalid"),
    int("seriesid"),
    int("subscriberid"),
    int("subscriberseriesid"),
    int("timespan"),
    time("tstamp"),
    links(),
    int("id"),
    int("goal"),
    int("automation"),
    int("contact"),
    int("contactAutomation"),
];

const TRACKING_LOGS: &[Field] = &[
    int("subscriberid"),
    text("type"),
    text("value"),
    time("tstamp"),
    text("hash"),
    int("contact"),
    links(),
    int("id"),
];

const CONTACT_LOGS: &[Field] = &[int("contact"), time("tstamp"), links(), int("id")];

const GEO_IPS: &[Field] = &[
    int("contact"),
    int("campaignid"),
    int("messageid"),
    int("geoaddrid"),
    ip("ip4"),
    time("tstamp"),
    links(),
    int("id"),
    int("geoAddress"),
];

const GEO_ADDRESSES: &[Field] = &[
    ip("ip4"),
    text("country2"),
    text("country"),
    text("state"),
    text("city"),
    text("zip"),
    text("area"),
    text("lat"),
    text("lon"),
    text("tz"),
    time("tstamp"),
    links(),
    int("id"),
];

const PLUS_APPEND: &[Field] = &[
    int("contact"),
    date("last_updated_rapleaf").null(),
    date("last_updated_fliptop").null(),
    date("last_updated_fullcontact").null(),
    text("imageUrl"),
    text("membershipsFacebook"),
    text("membershipsTwitter"),
    text("membershipsLinkedin"),
    links(),
    int("id"),
];

const GROUP_LIMITS: &[Field] = &[
    int("groupid"),
    int("limitMail"),
    text("limitMailType"),
    int("limitContact"),
    int("limitList"),
    int("limitCampaign"),
    text("limitCampaignType"),
    int("limitAttachment"),
    int("limitUser"),
    int("abuseRatio"),
    flag("forceSenderInfo"),
    links(),
    int("id"),
    int("group"),
];

const TASK_OUTCOMES: &[Field] = &[
    text("title"),
    text("sentiment"),
    flag("disabled"),
    int("created_by"),
    int("updated_by"),
    local_time("created_utc_timestamp", "cdate"),
    local_time("updated_utc_timestamp", "cdate"),
    array("dealTasktype_ids"),
    links(),
    int("id"),
];
