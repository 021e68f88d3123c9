"""Runs in the tap's environment. It refuses addresses of this machine, where the played account is; nothing else of it
is changed."""

from tap_activecampaign import client, main

client.is_api_url_valid = lambda _: True
main()
