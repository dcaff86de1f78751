"""airbyte-api against the served API: a sign-in begun by it becomes a source."""

import unittest
import urllib.parse

from airbyte_api import AirbyteAPI, api, errors, models

from clients import BASE, KEYS, sign_in

WORKSPACE = KEYS["airbyte-api"]["workspace"]
BACK = "https://program.acme.example/connected"


def begin(client, **more):
    """Where the person signs in."""
    fields = {
        "redirect_url": BACK,
        "source_type": models.OAuthActorNames.ZENDESK_SUPPORT,
        "workspace_id": WORKSPACE,
        "o_auth_input_configuration": {"subdomain": "acme"},
    }
    request = models.InitiateOauthRequest(**{**fields, **more})
    return client.sources.initiate_o_auth(request=request).raw_response.json()["consentUrl"]


class Sources(unittest.TestCase):
    def setUp(self):
        self.client = AirbyteAPI(server_url=f"{BASE}/v1", security=models.Security(bearer_auth=KEYS["airbyte-api"]["secret"]))

    def test_a_sign_in_becomes_a_source(self):
        end = sign_in(begin(self.client), stop=BACK)
        back = urllib.parse.urlsplit(end["url"])
        self.assertEqual(f"{back.scheme}://{back.netloc}{back.path}", BACK, end)
        (secret_id,) = urllib.parse.parse_qs(back.query)["secret_id"]

        configuration = models.SourceZendeskSupport(subdomain="acme")
        asked = models.SourceCreateRequest(name="Help desk", workspace_id=WORKSPACE, configuration=configuration, secret_id=secret_id)
        made = self.client.sources.create_source(request=asked).source_response
        self.assertEqual((made.name, made.source_type, made.workspace_id), ("Help desk", "zendesk-support", WORKSPACE))
        self.assertIsInstance(made.created_at, int)
        self.assertEqual(made.configuration.subdomain, "acme")
        self.assertNotIn("token", made.model_dump_json())

        listed = self.client.sources.list_sources(request=api.ListSourcesRequest(workspace_ids=[WORKSPACE])).sources_response
        self.assertEqual([source.source_id for source in listed.data], [made.source_id])
        one = self.client.sources.get_source(request=api.GetSourceRequest(source_id=made.source_id)).source_response
        self.assertEqual(one, made)
        with self.assertRaises(errors.SDKError, msg="a secret is used once"):
            self.client.sources.create_source(request=asked)
        gone = self.client.sources.delete_source(request=api.DeleteSourceRequest(source_id=made.source_id))
        self.assertEqual(gone.status_code, 204)
        with self.assertRaises(errors.SDKError) as caught:
            self.client.sources.get_source(request=api.GetSourceRequest(source_id=made.source_id))
        self.assertEqual(caught.exception.status_code, 404)
        self.problem(caught.exception)

    def test_what_is_refused(self):
        for more, statuses in (
            ({"redirect_url": "http://program.acme.example/"}, (422,)),
            ({"o_auth_input_configuration": {"subdomain": "support.acme.com"}}, (400, 422)),
            ({"source_type": models.OAuthActorNames.TIKTOK_MARKETING}, (400, 404, 422)),
        ):
            with self.assertRaises(errors.SDKError) as caught:
                begin(self.client, **more)
            self.assertIn(caught.exception.status_code, statuses, caught.exception.body)
            self.problem(caught.exception)
        stranger = AirbyteAPI(server_url=f"{BASE}/v1", security=models.Security(bearer_auth="nobody"))
        with self.assertRaises(errors.SDKError) as caught:
            begin(stranger)
        self.assertIn(caught.exception.status_code, (401, 403))

    def test_what_is_missing_is_asked_of_the_person(self):
        asked = {"source_type": models.OAuthActorNames.SALESFORCE, "o_auth_input_configuration": {"is_sandbox": False}}
        self.assertTrue(begin(self.client, **asked).startswith(f"{BASE}/integrations/ask/"))

    def test_a_key_as_client_credentials(self):
        key = KEYS["airbyte-api"]
        scheme = models.SchemeClientCredentials(client_id=key["id"], client_secret=key["secret"], token_url="/v1/applications/token")
        client = AirbyteAPI(server_url=f"{BASE}/v1", security=models.Security(client_credentials=scheme))
        self.assertIn("://", begin(client))

    def problem(self, refused):
        """A problem object: what, which status, and a sentence."""
        said = refused.raw_response.json()
        self.assertEqual(said["status"], refused.status_code)
        self.assertTrue(said["type"] and said["title"] and said["detail"], said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
