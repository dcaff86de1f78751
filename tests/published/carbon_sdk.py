"""carbon-python-sdk against the served API: every endpoint that it offers and the server has, with the client's strict models."""

import hashlib
import hmac
import http.server
import json
import threading
import unittest
from urllib.parse import parse_qs, urlsplit

from carbon import Carbon
from carbon.exceptions import ApiException

from clients import BASE, KEYS, ask, register, sign_in, until

KEY = KEYS["carbon-python-sdk"]["secret"]
ZENDESK_CALLBACK = f"{BASE}/integrations/zendesk"


def of(customer=None, key=KEY, **more):
    """The client of a program, for one of its customers."""
    return Carbon(host=BASE, api_key=key, customer_id=customer, **more) if customer else Carbon(host=BASE, api_key=key, **more)


def connect(carbon, service, **fields):
    """Signs in and waits for the directory."""
    address = carbon.integrations.get_oauth_url(service=service, validate=True, **fields).oauth_url
    end = sign_in(address)
    assert end["status"] == 200, end

    def listed():
        found = carbon.data_sources.query_user_data_sources(filters={"source": service}, order_by="created_at", order_dir="desc", validate=True)
        first = found.results[0] if found.results else None
        return first if first and first.source_items_synced_at and first.sync_status == "READY" else None

    return until(f"the directory of {service}", listed)


def ready(carbon, source, at_least=1, **filters):
    """Waits until that many files of a connection are there and none is under way."""

    def look():
        found = carbon.files.query_user_files(
            filters={"organization_user_data_source_id": [source.id], **filters}, pagination={"limit": 250, "offset": 0}, validate=True
        )
        wrong = [file for file in found.results if file.sync_status == "SYNC_ERROR"]
        assert not wrong, wrong
        return found if found.count >= at_least and all(file.sync_status == "READY" for file in found.results) else None

    return until(f"{at_least} files of {source.data_source_type}", look)


class Refusals(unittest.TestCase):
    """Statuses and shapes of what is refused."""

    def refused(self, call, *statuses):
        with self.assertRaises(ApiException) as caught:
            call()
        self.assertIn(caught.exception.status, statuses, caught.exception.body)
        self.assertIsInstance(caught.exception.body["detail"], str)
        self.assertGreater(len(caught.exception.body["detail"].split()), 3, "a sentence")
        return caught.exception

    def invalid(self, path, body, loc):
        status, answer = ask("POST", BASE + path, body, {"authorization": f"Bearer {KEY}", "customer-id": "anybody"})
        self.assertEqual(status, 422, answer)
        first = answer["detail"][0]
        self.assertEqual(first["loc"], ["body", *loc], answer)
        self.assertTrue(first["msg"] and first["type"], answer)

    def test_a_wrong_key_and_a_wrong_token(self):
        self.refused(lambda: of("anybody", key="tlk_nobody").users.who_am_i(), 401)
        self.refused(lambda: Carbon(host=BASE, access_token="nobody").users.who_am_i(), 401)

    def test_a_key_without_a_customer(self):
        self.refused(lambda: of().data_sources.query_user_data_sources(), 401, 422)

    def test_one_good_authorization_of_two_is_enough(self):
        both = of("both-of-them", access_token="run-out")
        self.assertEqual(both.users.who_am_i().organization_supplied_user_id, "both-of-them")

    def test_a_missing_own_field(self):
        carbon = of("anybody")
        credentials = {"instance_subdomain": "acme", "client_id": "x", "client_secret": "y", "redirect_uri": f"{BASE}/integrations/servicenow"}
        for service in ("ZENDESK", "GONG", "SERVICENOW"):
            self.refused(lambda service=service: carbon.integrations.get_oauth_url(service=service), 400)
        short = {name: value for name, value in credentials.items() if name != "redirect_uri"}
        self.invalid("/integrations/oauth_url", {"service": "SERVICENOW", "servicenow_credentials": short}, ["servicenow_credentials", "redirect_uri"])

    def test_what_the_schema_forbids(self):
        self.invalid("/integrations/oauth_url", {"service": "NOWHERE"}, ["service"])
        self.invalid("/integrations/oauth_url", {}, ["service"])
        self.invalid("/integrations/oauth_url", {"service": "BOX", "embedding_model": "NONE_SUCH"}, ["embedding_model"])
        self.invalid("/integrations/oauth_url", {"service": "BOX", "max_items_per_chunk": 0}, ["max_items_per_chunk"])
        self.invalid("/integrations/oauth_url", {"service": "BOX", "chunk_size": "much"}, ["chunk_size"])
        self.invalid("/integrations/items/list", {}, ["data_source_id"])
        self.invalid("/update_users", {"customer_ids": [str(number) for number in range(101)]}, ["customer_ids"])
        self.invalid("/update_users", {"customer_ids": ["a"], "auto_sync_interval": 5}, ["auto_sync_interval"])
        self.invalid("/user_data_sources", {"order_by": "mood"}, ["order_by"])

    def test_unknown_keys_and_nulls_are_taken(self):
        headers = {"authorization": f"bearer {KEY}", "customer-id": "anybody"}
        body = {"filters": {"source": None, "ids": None, "revoked_access": None}, "css_selectros_to_skip": []}
        self.assertEqual(ask("POST", f"{BASE}/user_data_sources", body, headers), (200, {"results": [], "count": 0}))

    def test_unknown_and_foreign_ids_look_alike(self):
        mine = of("owner-of-one")
        source = connect(mine, "DROPBOX")
        words = {
            self.refused(lambda id=id: of("somebody-else").integrations.sync_data_source_items(data_source_id=id), 404).body["detail"]
            .replace(str(id), "…")
            for id in (source.id, 999_999)
        }
        self.assertEqual(len(words), 1, words)
        self.refused(lambda: of("somebody-else").files.resync(file_id=999_999), 404)
        other = of("owner-of-one", key=KEYS["another-organisation"]["secret"])
        self.refused(lambda: other.integrations.sync_data_source_items(data_source_id=source.id), 404)
        self.assertEqual(other.data_sources.query_user_data_sources().count, 0)
        self.assertEqual(other.data_sources.query().count, 0)

    def test_the_documented_rate(self):
        of("counted", key=KEYS["counted"]["secret"]).users.who_am_i()
        program = of(key=KEYS["counted"]["secret"])
        for _ in range(30):
            program.users.get(customer_id="counted")
        refused = self.refused(lambda: program.users.get(customer_id="counted"), 429)
        self.assertRegex(refused.body["detail"], r"\d+ second")

    def test_what_nobody_serves(self):
        for path in ("/nothing-here", "/integrations/nothing-here"):
            status, answer = ask("POST", BASE + path, {}, {"authorization": f"Bearer {KEY}", "customer-id": "a"})
            self.assertIn(status, (404, 405))
            self.assertIsInstance(answer["detail"], str)


class Identity(unittest.TestCase):
    """Whose key, whose token, which user."""

    def test_a_temporary_token(self):
        token = of("with-a-token").auth.get_access_token(validate=True)
        bearer = Carbon(host=BASE, access_token=token.access_token)
        self.assertEqual(bearer.users.who_am_i(validate=True).organization_supplied_user_id, "with-a-token")
        self.assertFalse(KEY in json.dumps(token.model_dump()))
        white = bearer.auth.get_white_labeling(validate=True)
        self.assertIsInstance(white.connector_settings, dict)

    def test_users_are_kept_listed_changed_and_deleted(self):
        program = of()
        one = of("user-one").users.who_am_i(validate=True)
        two = of("user-two").users.who_am_i(validate=True)
        self.assertNotEqual(one.id, two.id)
        self.assertEqual(program.users.get(customer_id="user-one", validate=True).id, one.id)
        found = program.users.list(filters={"customer_ids": ["user-one", "user-two"]}, include_count=True, validate=True)
        self.assertEqual(({user.id for user in found.users}, found.count), ({one.id, two.id}, 2))
        self.assertIsNone(program.users.list(validate=True).count)

        changed = program.users.update_users(
            customer_ids=["user-one", "user-two"], auto_sync_enabled_sources=["ZENDESK"], auto_sync_interval=6, max_files=10, validate=True
        )
        self.assertTrue(changed.success)
        self.assertEqual(of("user-one").users.who_am_i(validate=True).auto_sync_enabled_sources, ["ZENDESK"])
        program.users.update_users(customer_ids=["user-one"], auto_sync_enabled_sources="ALL")
        self.assertIn("GOOGLE_DRIVE", of("user-one").users.who_am_i(validate=True).auto_sync_enabled_sources)
        program.users.update_users(customer_ids=["user-one"], auto_sync_enabled_sources=[])
        self.assertEqual(of("user-one").users.who_am_i(validate=True).auto_sync_enabled_sources, [])

        self.assertTrue(program.users.delete(customer_ids=["user-two"], validate=True).success)
        self.assertEqual(program.users.list(filters={"customer_ids": ["user-two"]}, include_count=True).count, 0)


class SigningIn(unittest.TestCase):
    """What the fields of `oauth_url` make of the address."""

    def asked(self, **fields):
        address = of("about-to-sign-in").integrations.get_oauth_url(service="GOOGLE_DRIVE", **fields).oauth_url
        return set(parse_qs(urlsplit(address).query)["scope"][0].split())

    def test_scopes(self):
        usual = self.asked()
        one, other = "https://www.googleapis.com/auth/drive.readonly", "https://www.googleapis.com/auth/drive.activity.readonly"
        self.assertEqual(self.asked(scopes=[]), usual)
        self.assertEqual(self.asked(scopes=[one]), {one})
        self.assertEqual(self.asked(scope=other), usual | {other})

    def test_an_account_that_is_named(self):
        carbon = of("names-accounts")
        source = connect(carbon, "DROPBOX")
        with self.assertRaises(ApiException) as caught:
            carbon.integrations.get_oauth_url(service="BOX", data_source_id=source.id)
        self.assertEqual(caught.exception.status, 400)
        with self.assertRaises(ApiException) as caught:
            carbon.integrations.get_oauth_url(service="DROPBOX", data_source_id=999_999)
        self.assertEqual(caught.exception.status, 404)
        known = carbon.integrations.get_oauth_url(service="DROPBOX").oauth_url
        self.assertTrue(known.startswith(BASE), known)
        fresh = carbon.integrations.get_oauth_url(service="DROPBOX", connecting_new_account=True).oauth_url
        self.assertIn("client_id=", fresh)


class Zendesk(unittest.TestCase):
    """A whole life with the models of the client, everything pulled at once as its documentation says."""

    @classmethod
    def setUpClass(cls):
        cls.carbon = of("desk-of-acme")
        cls.source = connect(
            cls.carbon, "ZENDESK", zendesk_subdomain="acme", tags={"kind": "help"}, data_source_tags={"team": "support"},
            request_id="everything-at-once", chunk_size=700, chunk_overlap=50, embedding_model="OPENAI", incremental_sync=True,
            file_sync_config={"auto_synced_source_types": ["ARTICLE"], "sync_attachments": False},
        )
        cls.files = ready(cls.carbon, cls.source, at_least=2)

    def query(self, **filters):
        return self.carbon.files.query_user_files(filters=filters, pagination={"limit": 250, "offset": 0}, validate=True)

    def test_what_the_connection_says(self):
        source = self.source
        self.assertEqual(source.data_source_external_id.split("|")[::2], ["ZENDESK", "acme"])
        self.assertEqual(source.organization_supplied_user_id, "desk-of-acme")
        self.assertEqual(source.tags, {"team": "support"})

        def told():
            now = self.carbon.data_sources.query_user_data_sources(filters={"ids": [source.id]}, validate=True).results[0]
            return now if now.files_synced_at and now.last_sync_action == "UPDATE" else None

        self.assertGreaterEqual(until("the connection to say so", told).last_synced_at, source.last_synced_at)

    def test_what_the_files_say(self):
        for file in self.files.results:
            self.assertEqual((file.source, file.request_id, file.tags.get("kind")), ("ZENDESK", "everything-at-once", "help"))
            self.assertEqual((file.chunk_size, file.chunk_overlap), (700, 50))
            self.assertGreater(file.file_statistics.num_characters, 0)
            self.assertTrue(file.external_url.startswith("https://acme.zendesk.com/"), file.external_url)

    def test_one_workspace_per_customer(self):
        sync_page = self.carbon.integrations.get_oauth_url(service="ZENDESK", zendesk_subdomain="acme").oauth_url
        self.assertTrue(sync_page.startswith(BASE), sync_page)
        self.assertEqual(sign_in(sync_page)["status"], 200)
        self.assertEqual(self.carbon.data_sources.query_user_data_sources(filters={"source": "ZENDESK"}).count, 1)

    def test_the_directory(self):
        listed = self.carbon.integrations.list_data_source_items(
            data_source_id=self.source.id, pagination={"limit": 250, "offset": 0}, order_by="name", order_dir="asc", validate=True
        )
        names = [item.name for item in listed.items]
        self.assertEqual(names, sorted(names, key=str.casefold))
        backwards = self.carbon.integrations.list_data_source_items(
            data_source_id=self.source.id, order_dir="desc", pagination={"limit": 1, "offset": 0}, validate=True
        )
        self.assertEqual((backwards.items[0].name, backwards.count), (names[-1], listed.count))
        articles = self.carbon.integrations.list_data_source_items(
            data_source_id=self.source.id, filters={"item_types": ["ARTICLE"]}, pagination={"limit": 5}, validate=True
        )
        self.assertGreater(articles.count, 0)
        self.assertEqual({item.item_type for item in articles.items}, {"ARTICLE"})
        ids = [item.external_id for item in articles.items][:2]
        named = self.carbon.integrations.list_data_source_items(data_source_id=self.source.id, filters={"external_ids": ids}, validate=True)
        self.assertEqual(named.count, len(ids))

    def test_filters_and_pages_of_files(self):
        files = self.files.results
        self.assertEqual(self.query(source="ZENDESK").count, self.files.count)
        self.assertEqual(self.query(source=["BOX"]).count, 0)
        self.assertEqual(self.query(ids=[files[0].id]).results[0].id, files[0].id)
        self.assertEqual(self.query(external_file_ids=[files[0].external_file_id]).count, 1)
        self.assertEqual(self.query(request_ids=["everything-at-once"]).count, self.files.count)
        self.assertEqual(self.query(sync_statuses=["SYNC_ERROR"]).count, 0)
        self.assertIn(files[0].id, [file.id for file in self.query(name=files[0].name[1:-1]).results])
        self.assertEqual(self.query(tags_v2={"AND": [{"key": "kind", "value": "help"}]}).count, self.files.count)
        self.assertEqual(self.query(tags_v2={"AND": [{"key": "kind", "value": "help", "negate": True}]}).count, 0)
        either = {"OR": [{"key": "kind", "value": ["other", "help"]}, {"AND": [{"key": "no", "value": 1}]}]}
        self.assertEqual(self.query(tags_v2=either).count, self.files.count)

        def page(offset):
            found = self.carbon.files.query_user_files(
                filters={"organization_user_data_source_id": [self.source.id]},
                pagination={"limit": 1, "offset": offset},
                order_by="id",
                order_dir="asc",
                validate=True,
            )
            return found.results[0].id, found.count

        ids = sorted(file.id for file in files)
        self.assertEqual([page(0), page(1)], [(ids[0], len(ids)), (ids[1], len(ids))])
        bare = self.carbon.files.query_user_files_deprecated(filters={"ids": [files[0].id]}, validate=True)
        self.assertEqual([file["id"] if isinstance(file, dict) else file.id for file in bare], [files[0].id])

    def test_tags_of_the_connection(self):
        source = connect(of("tags-of-acme"), "ZENDESK", zendesk_subdomain="acme", sync_files_on_connection=False, data_source_tags={"a": "1"})
        carbon = of("tags-of-acme")
        self.assertEqual(carbon.data_sources.add_tags(tags={"b": "2"}, data_source_id=source.id, validate=True).tags, {"a": "1", "b": "2"})
        for leaf, count in (({"key": "b", "value": "2"}, 1), ({"key": "b", "value": "2", "negate": True}, 0), ({"key": "c", "value": "2"}, 0)):
            self.assertEqual(carbon.data_sources.query_user_data_sources(filters={"tags": {"AND": [leaf]}}, validate=True).count, count, leaf)
        self.assertEqual(carbon.data_sources.query_user_data_sources(filters={"tags": {}}).count, 1)
        self.assertEqual(carbon.data_sources.remove_tags(data_source_id=source.id, tags_to_remove=["a"], validate=True).tags, {"b": "2"})
        self.assertEqual(carbon.data_sources.remove_tags(data_source_id=source.id, remove_all_tags=True, validate=True).tags, {})
        # Every customer's connections, to the program alone.
        everywhere = of().data_sources.query(filters={"source": "ZENDESK"}, pagination={"limit": 250, "offset": 0}, validate=True)
        self.assertLessEqual({self.source.id, source.id}, {one.id for one in everywhere.results})

    def test_tags_of_a_file(self):
        file = self.files.results[-1]
        tagged = self.carbon.files.create_user_file_tags(tags={"x": "y"}, organization_user_file_id=file.id, validate=True)
        self.assertEqual(tagged.tags, {"kind": "help", "x": "y"})
        self.assertEqual(self.carbon.files.delete_file_tags(tags=["x"], organization_user_file_id=file.id, validate=True).tags, {"kind": "help"})
        reserved = {"authorization": f"Bearer {KEY}", "customer-id": "desk-of-acme"}
        body = {"tags": {"organization_id": "1"}, "organization_user_file_id": file.id}
        self.assertIn(ask("POST", f"{BASE}/create_user_file_tags", body, reserved)[0], (400, 422))

    def test_deleting_some(self):
        carbon = of("deleting-some")
        source = connect(carbon, "ZENDESK", zendesk_subdomain="acme")
        files = ready(carbon, source, at_least=3).results
        self.assertTrue(carbon.files.delete_v2(filters={"ids": [files[0].id]}, validate=True).success)
        self.assertEqual(carbon.files.query_user_files(filters={"ids": [files[0].id]}).count, 0)
        self.assertTrue(carbon.files.delete_many(file_ids=[files[1].id], validate=True).success)
        left = until("two to be gone", lambda: (lambda found: found if found.count == len(files) - 2 else None)(ready(carbon, source)))
        self.assertNotIn(files[1].id, [file.id for file in left.results])
        carbon.files.delete_v2(filters={"organization_user_data_source_id": [source.id]}, preserve_file_record=True)
        kept = carbon.files.query_user_files(filters={"organization_user_data_source_id": [source.id]}, validate=True)
        self.assertTrue(kept.count == len(files) - 2 and all(file.file_contents_deleted for file in kept.results))

    def test_an_account_by_its_own_token(self):
        """`connect` takes tokens that the client got elsewhere; one that the provider does not know is refused in words."""
        with self.assertRaises(ApiException) as caught:
            of("by-token").integrations.connect_data_source(authentication={"source": "ZENDESK", "access_token": "made-up", "subdomain": "acme"})
        self.assertIn(caught.exception.status, (400, 401, 403))
        self.assertIsInstance(caught.exception.body["detail"], str)

    def test_cancelling(self):
        self.assertEqual(self.carbon.integrations.cancel(data_source_id=self.source.id, validate=True).id, self.source.id)


class Mail(unittest.TestCase):
    """Services with lists and syncs of their own. Nothing comes by itself."""

    def test_gmail(self):
        carbon = of("mail-of-maya")
        source = connect(carbon, "GMAIL")
        labels = carbon.integrations.list_labels(data_source_id=source.id, validate=True)
        self.assertIn("INBOX", labels.model_dump_json())
        self.assertEqual(carbon.files.query_user_files().count, 0)
        filters = {"AND": [{"key": "after", "value": "2000/01/01"}, {"OR": [{"key": "label", "value": "INBOX"}, {"key": "is", "value": "starred"}]}]}
        self.assertTrue(carbon.integrations.sync_gmail(filters=filters, data_source_id=source.id, tags={"mail": "yes"}, request_id="mails", validate=True).success)
        files = ready(carbon, source, request_ids=["mails"])
        self.assertEqual({(file.source, file.tags["mail"]) for file in files.results}, {("GMAIL", "yes")})
        none = {"key": "before", "value": "1999/01/01"}
        carbon.integrations.sync_gmail(filters=none, data_source_id=source.id, request_id="none")
        self.assertEqual(carbon.files.query_user_files(filters={"request_ids": ["none"]}).count, 0)

    def test_outlook(self):
        carbon = of("mail-of-maya")
        source = connect(carbon, "OUTLOOK", microsoft_tenant="acme.onmicrosoft.com")
        self.assertIn("Inbox", carbon.integrations.list_folders(data_source_id=source.id, validate=True).model_dump_json())
        self.assertTrue(carbon.integrations.list_outlook_categories(data_source_id=source.id, validate=True).model_dump())
        filters = {"key": "after", "value": "2000/01/01"}
        synced = carbon.integrations.sync_outlook(filters=filters, folder="Inbox", data_source_id=source.id, request_id="outlook", validate=True)
        self.assertTrue(synced.success)
        all_of_it = ready(carbon, source, request_ids=["outlook"]).count
        filters = {"AND": [{"key": "after", "value": "2000/01/01"}, {"OR": [{"key": "category", "value": "Blue category"}, {"key": "is", "value": "flagged"}]}]}
        carbon.integrations.sync_outlook(filters=filters, folder="Inbox", data_source_id=source.id, request_id="some", validate=True)
        self.assertLess(ready(carbon, source, request_ids=["some"]).count, all_of_it)

    def test_slack(self):
        carbon = of("talk-of-maya")
        source = connect(carbon, "SLACK")
        page = carbon.integrations.list_conversations(types="public_channel,private_channel", data_source_id=source.id, validate=True).model_dump()
        channel = next(one for one in page["results"] if one["is_channel"])
        self.assertLessEqual({"id", "name", "is_channel", "is_im", "is_mpim", "is_private", "is_shared", "is_archived", "user"}, set(channel))
        carbon.integrations.sync_slack(filters={"conversation_id": channel["id"], "after": "2000/01/01"}, request_id="talk", validate=True)
        files = ready(carbon, source, request_ids=["talk"])
        self.assertEqual({file.source for file in files.results}, {"SLACK"})

    def test_sharepoint_sites(self):
        carbon = of("sites-of-maya")
        source = connect(carbon, "SHAREPOINT", microsoft_tenant="acme.onmicrosoft.com", sharepoint_site_name="Mkt")
        sites = carbon.integrations.list_sharepoint_sites(data_source_id=source.id, validate=True).model_dump()
        self.assertIn("next_cursor", sites)
        self.assertIn("Mkt", json.dumps(sites))


class WhiteLabel(unittest.TestCase):
    """A program brings the OAuth app of its customer, and it is used, and its secret is never told."""

    def test_an_app_is_brought_used_and_taken_away(self):
        program = Carbon(host=BASE, api_key=KEYS["own-apps"]["secret"])
        register("ZENDESK", ZENDESK_CALLBACK)
        credentials = {"client_id": "tieline_confidential", "client_secret": "practice-zendesk-secret", "redirect_uri": ZENDESK_CALLBACK}
        made = program.white_label.create(body=[{"data_source_type": "ZENDESK", "credentials": credentials}], validate=True).model_dump()
        listed = program.white_label.list(filters={"data_source_type": ["ZENDESK"]}, validate=True).model_dump()
        for said in (json.dumps(made), json.dumps(listed)):
            self.assertNotIn("practice-zendesk-secret", said)
        (entry,) = listed["results"]
        self.assertEqual((entry["data_source_type"], entry["credentials"]["client_id"]), ("ZENDESK", "tieline_confidential"))

        carbon = of("white-label", key=KEYS["own-apps"]["secret"])
        address = carbon.integrations.get_oauth_url(service="ZENDESK", zendesk_subdomain="acme", sync_files_on_connection=False).oauth_url
        self.assertIn("client_id=tieline_confidential", address)
        self.assertEqual(sign_in(address)["status"], 200)
        until("the connection", lambda: carbon.data_sources.query_user_data_sources().count == 1)
        program.white_label.update(body={"data_source_type": "ZENDESK", "credentials": {**credentials, "client_id": "another"}})
        self.assertEqual(program.white_label.list(validate=True).model_dump()["results"][0]["credentials"]["client_id"], "another")
        program.white_label.delete(ids=[entry["id"]])
        self.assertEqual(program.white_label.list(validate=True).model_dump()["results"], [])


class Webhooks(unittest.TestCase):
    """Deliveries to a listener that refuses the first of them."""

    @classmethod
    def setUpClass(cls):
        cls.heard, heard = [], []
        cls.heard = heard

        class Listener(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                heard.append((dict(self.headers), body))
                self.send_response(503 if len(heard) == 1 else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.url = f"http://127.0.0.1:{cls.server.server_port}/told"

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()

    def test_events_are_signed_and_tried_again(self):
        key = KEYS["webhooks"]["secret"]
        program = Carbon(host=BASE, api_key=key)
        made = program.webhooks.add_url(url=self.url, validate=True)
        self.assertEqual(made.status, "ACTIVE")
        shown = program.webhooks.urls(validate=True)
        self.assertEqual((shown.count, shown.results[0].id, shown.results[0].url), (1, made.id, self.url))
        self.assertNotIn(made.signing_key, repr(shown))

        carbon = of("told", key=key)
        source = connect(carbon, "ZENDESK", zendesk_subdomain="acme")
        files = ready(carbon, source)

        def kinds():
            told = [self.check(headers, body, made.signing_key) for headers, body in self.heard]
            return told if {"ADD", "DATA_SOURCE_READY", "FILE_READY", "ALL_FILES_PROCESSED"} <= {one["webhook_type"] for one in told} else None

        told = until("the events", kinds)
        # What was refused came once more, word for word inside.
        first = json.loads(json.loads(self.heard[0][1])["payload"])
        self.assertIn(first, [json.loads(json.loads(body)["payload"]) for _, body in self.heard[1:]])
        added = next(one for one in told if one["webhook_type"] == "ADD")
        self.assertEqual((added["obj"]["object_id"], type(added["timestamp"])), (str(source.id), str))
        read = {one["obj"]["object_id"] for one in told if one["webhook_type"] == "FILE_READY"}
        self.assertLessEqual(read, {str(file.id) for file in files.results})

        carbon.data_sources.revoke_access_token(data_source_id=source.id)
        until("the revocation", lambda: any(b"REVOKE" in body for _, body in self.heard))
        self.assertTrue(program.webhooks.delete_url(webhook_id=made.id, validate=True).success)
        self.assertEqual(program.webhooks.urls().count, 0)
        for more in ("one", "two", "three"):
            program.webhooks.add_url(url=f"{self.url}/{more}")
        with self.assertRaises(ApiException) as caught:
            program.webhooks.add_url(url=f"{self.url}/four")
        self.assertIn(caught.exception.status, (400, 409, 422))

    def check(self, headers, body, key):
        """Both signatures, made anew from the body as it came."""
        given = {name.lower(): value for name, value in headers.items()}
        compact = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
        for name, version, text in (("carbon-signature", "v1", body), ("carbon-signature-compact", "v2", compact)):
            parts = dict(part.split("=", 1) for part in given[name].split(","))
            wanted = hmac.new(bytes.fromhex(key), parts["t"].encode() + b"." + text, hashlib.sha256).hexdigest()
            self.assertEqual(parts[version], wanted, name)
        return json.loads(json.loads(body)["payload"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
