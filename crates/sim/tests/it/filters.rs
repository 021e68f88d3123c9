//! Filters that no page documents but that the vendor's own MCP server, `ac-mcp-server` 0.12.0, offers.

use crate::app::{App, ids};

#[tokio::test]
async fn filters_of_the_vendors_client_narrow() {
    let app = App::new();

    for (name, filter, field, value) in [
        ("automations", "filters[name]=MATION 12", "name", "Automation 12"),
        ("automations", "search=mation 12", "name", "Automation 12"),
        ("automations", "filters[status]=1", "status", "1"),
        ("campaigns", "filters[name]=gn 17", "name", "Campaign 17"),
        ("campaigns", "filters[type]=split", "type", "split"),
        ("campaigns", "filters[id]=5", "id", "5"),
        ("contactAutomations", "filters[subscriberid]=6", "contact", "6"),
        ("contactAutomations", "filters[seriesid]=3", "seriesid", "3"),
        ("contactAutomations", "filters[status]=1", "status", "1"),
        ("lists", "filters[id]=3", "id", "3"),
    ] {
        let answer = app.get(&format!("/{name}?limit=100&{}", filter.replace(' ', "%20"))).await;
        let rows = answer[name].as_array().unwrap();
        assert!(!rows.is_empty(), "{name} {filter}");
        for row in rows {
            assert_eq!(row[field], value, "{name} {filter}");
        }
        let nothing = filter.split_once('=').unwrap().0;
        assert!(
            ids(&app.get(&format!("/{name}?{nothing}=999999")).await, name).is_empty(),
            "{name} {filter}"
        );
    }
}
