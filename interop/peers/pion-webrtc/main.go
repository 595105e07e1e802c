// pion/webrtc: `offer URL SECONDS` or `answer PORT SECONDS`. It sends back what it receives.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

func run(mode, target, seconds string) error {
	duration, err := strconv.Atoi(seconds)
	if err != nil {
		return err
	}
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	count, err := echo(pc)
	if err != nil {
		return err
	}
	connected := make(chan struct{})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			close(connected)
		}
	})
	if mode == "offer" {
		err = offer(pc, target)
	} else {
		err = answer(pc, target)
	}
	if err != nil {
		return err
	}
	select {
	case <-connected:
	case <-time.After(10 * time.Second):
		return fmt.Errorf("no connection within 10 seconds")
	}
	fmt.Println("connected")
	time.Sleep(time.Duration(duration) * time.Second)
	fmt.Println("sent", count.Load())
	fmt.Println("received", count.Load())
	return pc.Close()
}

// echo counts the packets that come, and sends them back.
func echo(pc *webrtc.PeerConnection) (*atomic.Int64, error) {
	opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}
	local, err := webrtc.NewTrackLocalStaticRTP(opus, "audio", "peer")
	if err != nil {
		return nil, err
	}
	if _, err := pc.AddTrack(local); err != nil {
		return nil, err
	}
	count := new(atomic.Int64)
	pc.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := remote.ReadRTP()
			if err != nil {
				return
			}
			count.Add(1)
			_ = local.WriteRTP(packet)
		}
	})
	return count, nil
}

func offer(pc *webrtc.PeerConnection, url string) error {
	description, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := describe(pc, description); err != nil {
		return err
	}
	response, err := http.Post(url, "application/sdp", strings.NewReader(pc.LocalDescription().SDP))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(body)})
}

func answer(pc *webrtc.PeerConnection, port string) error {
	done := make(chan error, 1)
	server := http.Server{Addr: "127.0.0.1:" + port}
	server.Handler = http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if request.Method != http.MethodPost {
			return
		}
		sdp, err := take(pc, request.Body)
		if err == nil {
			response.Header().Set("Content-Type", "application/sdp")
			response.Header().Set("Location", "/call")
			response.WriteHeader(http.StatusCreated)
			_, err = io.WriteString(response, sdp)
		}
		done <- err
	})
	go func() { done <- server.ListenAndServe() }()
	fmt.Println("ready")
	return <-done
}

// take answers an offer.
func take(pc *webrtc.PeerConnection, body io.Reader) (string, error) {
	sdp, err := io.ReadAll(body)
	if err != nil {
		return "", err
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(sdp)}); err != nil {
		return "", err
	}
	description, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	if err := describe(pc, description); err != nil {
		return "", err
	}
	return pc.LocalDescription().SDP, nil
}

// describe sets the local description and waits for all its candidates.
func describe(pc *webrtc.PeerConnection, description webrtc.SessionDescription) error {
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(description); err != nil {
		return err
	}
	<-gathered
	return nil
}
